/*
 * branding.c
 *		How the emails of an application look.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/appearance.h"
#include "notify/branding.h"

#define OWN_COLOR "#1a56db"

const char *
branding_color(const ApplicationFacts *application)
{
	char	   *color = application == NULL ? NULL : json_root_text(application->branding, "color");

	return is_color(color) ? color : OWN_COLOR;
}

void
push_branding(JsonbParseState **state, const ApplicationFacts *application)
{
	static const char *const texts[] = {"logo_url", "footer", "address"};
	const char *color = branding_color(application);

	json_push_text(state, WJB_KEY, "branding");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(state, "color", color);
	json_push_member(state, "text_color", readable_on(color));
	for (int i = 0; i < lengthof(texts); i++)
		json_push_if_given(state, texts[i], application == NULL ? NULL : json_root_text(application->branding, texts[i]));
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}
