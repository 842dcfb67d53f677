/*
 * no_messages.c
 *	  Messages untranslated, for servers under the sanitizers.
 *
 * With gcc 12's libasan preloaded, the first bindtextdomain() of a program that
 * is linked to GnuTLS (as PostgreSQL is, by libldap) waits forever for a lock
 * inside glibc.  Tests want no translations, so glibc is not asked.
 */
#include <stddef.h>

char	   *bindtextdomain(const char *domain, const char *directory);
char	   *bind_textdomain_codeset(const char *domain, const char *codeset);
char	   *textdomain(const char *domain);
char	   *gettext(const char *message);
char	   *dgettext(const char *domain, const char *message);
char	   *dcgettext(const char *domain, const char *message, int category);
char	   *ngettext(const char *one, const char *many, unsigned long n);
char	   *dngettext(const char *domain, const char *one, const char *many, unsigned long n);
char	   *dcngettext(const char *domain, const char *one, const char *many, unsigned long n, int category);

char *
bindtextdomain(const char *domain, const char *directory)
{
	return (char *) directory;
}

char *
bind_textdomain_codeset(const char *domain, const char *codeset)
{
	return (char *) codeset;
}

char *
textdomain(const char *domain)
{
	return (char *) domain;
}

char *
gettext(const char *message)
{
	return (char *) message;
}

char *
dgettext(const char *domain, const char *message)
{
	return (char *) message;
}

char *
dcgettext(const char *domain, const char *message, int category)
{
	return (char *) message;
}

char *
ngettext(const char *one, const char *many, unsigned long n)
{
	return (char *) (n == 1 ? one : many);
}

char *
dngettext(const char *domain, const char *one, const char *many, unsigned long n)
{
	return ngettext(one, many, n);
}

char *
dcngettext(const char *domain, const char *one, const char *many, unsigned long n, int category)
{
	return ngettext(one, many, n);
}
