# words.awk: joins the words of src/notify/words into C.
#
#   awk -v directory=build/words -f scripts/words.awk parts.txt en.txt OTHERS.txt...
#
# writes templates.inc, which render/builtin_templates.c includes: for each language the macros W_key and the tables that
# are made of them; and table.inc, which render/page_words.c includes: the texts by language and key, in the order of the
# bytes of their keys. Fails, with a sentence on each fault, if a line is no text, a key is given twice or is not one of
# en.txt, a reference leads nowhere, a text has other names than the English one, or a character that HTML would need
# escaped. A text that a language lacks is NULL in table.inc, and the English one in templates.inc.

function complain(sentence)
{
	print sentence > "/dev/stderr"
	failed = 1
}

FNR == 1 {
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.txt$/, "", name)
	if (name != "parts")
		languages[++language_count] = name
}

/^[ \t]*(#|$)/ { next }

{
	key = $0
	sub(/[ \t]*=.*/, "", key)
	text = $0
	if (key !~ /^[A-Za-z][A-Za-z0-9_.]*$/ || !sub(/^[^=]*=[ \t]*/, "", text)) {
		complain(FILENAME ":" FNR ": no text: a line is `key = text`")
		next
	}
	sub(/[ \t]+$/, "", text)
	if ((name, key) in texts)
		complain(FILENAME ":" FNR ": " key " is given twice")
	if (text == "")
		complain(FILENAME ":" FNR ": " key " is empty")
	if (text ~ /[<>&\\]/)
		complain(FILENAME ":" FNR ": " key " has one of < > & \\")
	if (key ~ /\.(subject|heading)$/ && text ~ /"/)
		complain(FILENAME ":" FNR ": " key " has a quotation mark")
	texts[name, key] = text
	if (name == "en")
		keys[++key_count] = key
	else if (name != "parts" && !(("en", key) in texts))
		complain(FILENAME ":" FNR ": en.txt has no " key)
}

# The text with its references replaced; of a key that the language lacks the English one.
function resolved(language, key, depth,    text, result, at)
{
	if (depth > 8) {
		complain(language ".txt: " key " leads to itself")
		return ""
	}
	if (key == "isolate")
		return texts[language, "direction"] == "rtl" ? "\001" : ""
	if (key == "end_isolate")
		return texts[language, "direction"] == "rtl" ? "\002" : ""
	if ((language, key) in texts)
		text = texts[language, key]
	else if (("en", key) in texts)
		text = texts["en", key]
	else if (("parts", key) in texts)
		text = texts["parts", key]
	else
		complain(language ".txt: there is no [" key "]")
	result = ""
	while ((at = match(text, /\[[A-Za-z0-9_.]+\]/)) > 0) {
		result = result substr(text, 1, at - 1)
		key = substr(text, at + 1, RLENGTH - 2)
		text = substr(text, at + RLENGTH)
		result = result resolved(language, key, depth + 1)
	}
	return result text
}

# The names between braces, each once, in the order of their bytes.
function names_of(text,    found, count, name, list, i)
{
	count = 0
	while (match(text, /\{\{[^}]*\}\}/) > 0) {
		name = substr(text, RSTART + 2, RLENGTH - 4)
		text = substr(text, RSTART + RLENGTH)
		sub(/^[#^\/]/, "", name)
		for (i = count; i > 0 && found[i] > name; i--)
			found[i + 1] = found[i]
		if (i > 0 && found[i] == name) {
			for (; i < count; i++)
				found[i + 1] = found[i + 2]
		} else {
			found[i + 1] = name
			count++
		}
	}
	list = ""
	for (i = 1; i <= count; i++)
		list = list " " found[i]
	return list
}

# As C; the marks of resolved() are the characters that isolate a text from the direction of those around it.
function c_string(text)
{
	gsub(/\001/, "\\342\\201\\250", text)
	gsub(/\002/, "\\342\\201\\251", text)
	gsub(/"/, "\\\"", text)
	return "\"" text "\""
}

function identifier(key)
{
	gsub(/\./, "_", key)
	return key
}

function sort_keys(    i, j, key)
{
	for (i = 2; i <= key_count; i++) {
		key = keys[i]
		for (j = i - 1; j > 0 && keys[j] > key; j--)
			keys[j + 1] = keys[j]
		keys[j + 1] = key
	}
}

function check_language(language,    i, key)
{
	if (texts[language, "language"] != language)
		complain(language ".txt: its language is another one")
	for (i = 1; i <= key_count; i++) {
		key = keys[i]
		if (language != "en" && (language, key) in texts &&
			names_of(resolved(language, key, 0)) != names_of(resolved("en", key, 0)))
			complain(language ".txt: " key " has the names" names_of(resolved(language, key, 0)) \
				", the English text" names_of(resolved("en", key, 0)))
	}
}

function write_templates(language,    i)
{
	print "\n/* " language " */" > templates
	for (i = 1; i <= key_count; i++) {
		print "#undef W_" identifier(keys[i]) > templates
		print "#define W_" identifier(keys[i]) " " c_string(resolved(language, keys[i], 0)) > templates
	}
	i = texts[language, "direction"] == "rtl"
	print "#undef START_SIDE\n#define START_SIDE \"" (i ? "right" : "left") "\"" > templates
	print "#undef BEFORE_GAP\n#define BEFORE_GAP \"" (i ? "4px 0 4px 16px" : "4px 16px 4px 0") "\"" > templates
	print "#undef AFTER_GAP\n#define AFTER_GAP \"" (i ? "4px 6px 4px 0" : "4px 0 4px 6px") "\"" > templates
	print "#undef HTML_DIRECTION\n#define HTML_DIRECTION \"" (i ? " dir=\\\"rtl\\\"" : "") "\"" > templates
	print "#undef ISOLATED\n#define ISOLATED(text) " (i ? "\"\\342\\201\\250\" text \"\\342\\201\\251\"" : "text") > templates
	print "#undef END_SIDE\n#define END_SIDE \"" (i ? "left" : "right") "\"" > templates
	print "static const BuiltinTemplate " language "_templates[] = {" > templates
	print "#include \"render/builtin_customer_templates.inc\"" > templates
	print "#include \"render/builtin_user_templates.inc\"" > templates
	print "#include \"render/builtin_report_templates.inc\"" > templates
	print "\t{NULL}\n};" > templates
}

function write_table(language,    i)
{
	print "\nstatic const char *const " language "_words[] = {" > table
	for (i = 1; i <= key_count; i++)
		print "\t" ((language, keys[i]) in texts ? c_string(resolved(language, keys[i], 0)) : "NULL") "," > table
	print "};" > table
}

END {
	for (i = 1; i <= language_count; i++)
		check_language(languages[i])
	if (failed)
		exit 1
	sort_keys()
	templates = directory "/templates.inc"
	table = directory "/table.inc"
	print "/* Made by scripts/words.awk. */" > templates
	print "/* Made by scripts/words.awk. */" > table
	print "static const char *const word_keys[] = {" > table
	for (i = 1; i <= key_count; i++)
		print "\t\"" keys[i] "\"," > table
	print "};" > table
	for (i = 1; i <= language_count; i++) {
		write_templates(languages[i])
		write_table(languages[i])
	}
	print "\nstatic const BuiltinTemplate *const templates_of[] = {" > templates
	print "\nstatic const Language languages[] = {" > table
	for (i = 1; i <= language_count; i++) {
		print "\t" languages[i] "_templates," > templates
		print "\t{\"" languages[i] "\", " languages[i] "_words}," > table
	}
	print "};" > templates
	print "};" > table
}
