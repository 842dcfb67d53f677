"use strict";
/* A form is sent once, however often its button is pressed; after going back it can be sent again. */
document.addEventListener("submit", function (event) {
	if (event.target.dataset.sent)
		event.preventDefault();
	event.target.dataset.sent = "yes";
	event.target.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", function () {
	document.querySelectorAll("form").forEach(function (form) {
		delete form.dataset.sent;
		form.removeAttribute("aria-busy");
	});
});
