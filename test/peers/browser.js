// Headless Chromium for tests (Appt::Browser starts it). Reads one JSON object per line:
//
//     {"script": "return await page.title()", "options": {"url", "width", "height", "scheme", "javascript", "locale", "timezone",
//      "headers": {}, "seconds"}}
//
// runs the script in a context of its own, and prints one JSON object per line:
//
//     {"value": what it returned, "error": text or null, "requests": [{"method", "url", "origin", "type", "status", "failure"}],
//      "messages": [texts of the console and of uncaught errors], "dialogs": [texts], "downloads": [{"name", "text"}]}
//
// A script has: page, context, options, shot(name) (a picture of the whole page; shot(name, false): of its window), axe() (serious and critical violations),
// until(condition) (waits until an async function is true), overflow() (true if the page is wider than its window).
// No name is resolved, so nothing but addresses of this machine can be reached.

'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const {chromium} = require('playwright-core');

const axeSource = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const AsyncFunction = (async () => {}).constructor;
const flags = [
	// A container grants no namespaces to the sandbox, and little of /dev/shm.
	'--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none',
	'--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

function record(context, seen) {
	context.on('request', (request) => {
		const url = request.url();
		const entry = {method: request.method(), url, origin: /^(https?|wss?):/.test(url) ? new URL(url).origin : url.split(':')[0] + ':',
			type: request.resourceType(), status: null, failure: null};
		seen.requests.push(entry);
		seen.entries.set(request, entry);
	});
	context.on('response', (response) => {
		const entry = seen.entries.get(response.request());
		if (entry) entry.status = response.status();
	});
	context.on('requestfailed', (request) => {
		const entry = seen.entries.get(request);
		if (entry) entry.failure = request.failure() ? request.failure().errorText : 'failed';
	});
	context.on('console', (message) => seen.messages.push(message.text()));
	context.on('weberror', (error) => seen.messages.push(String(error.error())));
	context.on('dialog', async (dialog) => {
		seen.dialogs.push(dialog.message());
		await dialog.accept();
	});
	context.on('page', (page) => page.on('download', async (download) => {
		seen.downloads.push({name: download.suggestedFilename(), text: fs.readFileSync(await download.path(), 'utf8')});
	}));
}

function helpers(page, milliseconds) {
	return {
		shot: async (name, whole = true) => {
			fs.mkdirSync(process.env.SCREENSHOTS, {recursive: true});
			await page.screenshot({path: path.join(process.env.SCREENSHOTS, name + '.png'), fullPage: whole, animations: 'disabled'});
		},
		axe: async () => {
			await page.evaluate(axeSource);
			const found = await page.evaluate('axe.run(document, {resultTypes: ["violations"], iframes: false})');
			return found.violations.filter((violation) => ['serious', 'critical'].includes(violation.impact)).map((violation) =>
				violation.id + ': ' + violation.nodes.map((node) => node.target.join(' ') + ' ' + node.failureSummary).join('; '));
		},
		until: async (condition) => {
			const end = Date.now() + milliseconds;
			while (!await condition()) {
				if (Date.now() > end) throw new Error('waited in vain for ' + condition);
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
		},
		overflow: () => page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
	};
}

async function run(browser, {script, options}) {
	const seen = {requests: [], messages: [], dialogs: [], downloads: [], entries: new Map()};
	const context = await browser.newContext({
		viewport: {width: options.width || 1280, height: options.height || 800}, colorScheme: options.scheme || 'light',
		javaScriptEnabled: options.javascript === undefined || Boolean(options.javascript), locale: options.locale || 'en-GB',
		timezoneId: options.timezone || 'UTC', extraHTTPHeaders: options.headers || {}, acceptDownloads: true});
	const answer = {value: null, error: null};

	record(context, seen);
	try {
		const page = await context.newPage();
		const milliseconds = 1000 * (options.seconds || 60);
		page.setDefaultTimeout(milliseconds);
		if (options.url) await page.goto(options.url);
		const given = {page, context, options, ...helpers(page, milliseconds)};
		const returned = await new AsyncFunction(...Object.keys(given), script)(...Object.values(given));
		answer.value = returned === undefined ? null : returned;
	} catch (error) {
		answer.error = String(error.stack || error);
	}
	await context.close();
	delete seen.entries;
	return {...answer, ...seen};
}

async function main() {
	const browser = await chromium.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: flags});

	console.log(JSON.stringify({version: browser.version()}));
	for await (const line of readline.createInterface({input: process.stdin}))
		console.log(JSON.stringify(await run(browser, JSON.parse(line))));
	await browser.close();
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
