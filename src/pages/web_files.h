/*
 * web_files.h
 *		The files of web/, as the Makefile has joined them into the extension.
 */
#ifndef APPT_WEB_FILES_H
#define APPT_WEB_FILES_H

/* Texts in UTF-8, which end with NUL. The page for customers is a Mustache template. */
extern const char *const web_page_html;
extern const char *const web_page_css;
extern const char *const web_page_js;
extern const char *const web_console_html;
extern const char *const web_console_css;
extern const char *const web_console_js;

#endif							/* APPT_WEB_FILES_H */
