/*
 * web_files.c
 *		The files of web/.
 */
#include "postgres.h"

#include "pages/web_files.h"

static const unsigned char page_html[] = {
#include "web/page.html.inc"
	0
};
static const unsigned char page_css[] = {
#include "web/page.css.inc"
	0
};
static const unsigned char page_js[] = {
#include "web/page.js.inc"
	0
};

static const unsigned char console_html[] = {
#include "web/console.html.inc"
	0
};
static const unsigned char console_css[] = {
#include "web/console.css.inc"
	0
};
static const unsigned char console_js[] = {
#include "web/console.js.inc"
	0
};

const char *const web_page_html = (const char *) page_html;
const char *const web_page_css = (const char *) page_css;
const char *const web_page_js = (const char *) page_js;
const char *const web_console_html = (const char *) console_html;
const char *const web_console_css = (const char *) console_css;
const char *const web_console_js = (const char *) console_js;
