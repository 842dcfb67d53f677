/*
 * configured_headers.c
 *		The headers that tenants configure, read from JSON.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/json.h"
#include "notify/configured_headers.h"

/* What the JSON has as the value of a secret header is only a mask. */
static Header *
make_header(char *name, char *value, bool is_secret)
{
	Header	   *header = (Header *) palloc(sizeof(Header));

	header->name = name;
	header->value = is_secret ? NULL : value;
	header->is_secret = is_secret;
	return header;
}

List *
configured_headers(Jsonb *jsonb)
{
	List	   *headers = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;
	char	   *text;
	char	   *type;

	if (jsonb == NULL || JB_ROOT_IS_SCALAR(jsonb))
		return NIL;
	iterator = JsonbIteratorInit(&jsonb->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = json_text(&value);
		else if (token == WJB_VALUE && (text = json_text(&value)) != NULL)
			headers = lappend(headers, make_header(name, text, false));
		else if (token == WJB_ELEM && value.type == jbvBinary &&
				 JsonContainerIsObject(value.val.binary.data))
		{
			name = json_member_text(value.val.binary.data, "name");
			text = json_member_text(value.val.binary.data, "value");
			type = json_member_text(value.val.binary.data, "type");
			if (name != NULL && text != NULL)
				headers = lappend(headers, make_header(name, text,
													   type != NULL && strcmp(type, "SECRET") == 0));
		}
	}
	return headers;
}
