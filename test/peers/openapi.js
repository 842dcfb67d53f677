/*
 * openapi.js: judges OpenAPI 3.1 documents and answers. The packages are those of scripts/node-modules, in NODE_PATH.
 *
 *   node openapi.js documents FILE...     each is a valid document, its components are all used, every example fits its schema
 *   node openapi.js answers FILE          lines of JSON {method, path, status, type, body} on stdin, each as the document says
 *
 * Prints what is wrong, a line each; ends with status 1 if there is anything.
 */
"use strict";

const fs = require("fs");
const path = require("path");
const Ajv = require("ajv/dist/2020");
const addFormats = require("ajv-formats");

const problems = [];

function read(file) {
	return JSON.parse(fs.readFileSync(file, "utf8"));
}

function judgeOf(document) {
	const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
	for (const format of ["int32", "int64", "double"]) ajv.addFormat(format, true);
	ajv.addSchema(document, "document");
	return (pointer, value) => {
		const validate = ajv.getSchema(`document#${pointer}`);
		return validate(value) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
	};
}

/* Every object below a value, with its JSON pointer. */
function* walk(value, pointer = "") {
	if (value === null || typeof value !== "object") return;
	yield [value, pointer];
	for (const [key, below] of Object.entries(value)) yield* walk(below, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
}

async function judgeDocument(file) {
	const modules = process.env.NODE_PATH.split(path.delimiter)[0];
	const { Validator } = await import(path.join(modules, "@seriousme/openapi-schema-validator/index.js"));
	const document = read(file);
	const found = await new Validator().validate(document);
	if (!found.valid) problems.push(`${file}: ${JSON.stringify(found.errors)}`);

	const judge = judgeOf(document);
	const text = JSON.stringify(document);
	for (const name of Object.keys(document.components.schemas))
		if (!text.includes(`"#/components/schemas/${name}"`)) problems.push(`${file}: nothing uses ${name}`);
	for (const [value, pointer] of walk(document))
		if (Array.isArray(value.examples))
			for (const example of value.examples)
				for (const error of judge(encodeURI(pointer), example)) problems.push(`${file} ${pointer}: example${error}`);
}

/* The path of a document that a request's path stands for: the one with the fewest parameters. */
function templateOf(document, requested) {
	const bare = requested.replace(/\?.*/s, "").replace(/\/$/, "");
	return Object.keys(document.paths)
		.filter((template) => new RegExp(`^${template.replace(/\/$/, "").replace(/\{\w+\}/g, "[^/]+")}$`).test(bare))
		.sort((one, other) => one.split("{").length - other.split("{").length)[0];
}

function judgeAnswers(file) {
	const document = read(file);
	const judge = judgeOf(document);
	for (const line of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
		const answer = JSON.parse(line);
		const what = `${answer.method} ${answer.path.slice(0, 60)} ${answer.status}`;
		const template = templateOf(document, answer.path);
		const operation = template && document.paths[template][answer.method.toLowerCase()];
		let response = operation && operation.responses[answer.status];
		if (!response) {
			problems.push(`${what}: not described`);
			continue;
		}
		if (response.$ref) response = document.components.responses[response.$ref.split("/").pop()];
		const types = Object.keys(response.content || {});
		const type = answer.status === 204 ? "" : (answer.type || "").replace(/;.*/s, "");
		if (type ? !types.includes(type) && !types.includes("*/*") : types.length && !response.headers)
			problems.push(`${what}: ${type || "nothing"} where ${types.join(", ") || "nothing"} is described`);
		const content = response.content && response.content["application/json"];
		if (content && answer.body !== undefined) {
			const pointer = [...walk(document)].find(([value]) => value === content.schema)[1];
			for (const error of judge(encodeURI(pointer), answer.body)) problems.push(`${what}: ${error}`);
		}
	}
}

(async () => {
	const [mode, ...files] = process.argv.slice(2);
	if (mode === "documents") for (const file of files) await judgeDocument(file);
	else judgeAnswers(files[0]);
	console.log(problems.join("\n"));
	process.exitCode = problems.length ? 1 : 0;
})();
