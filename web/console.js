'use strict';
/*
 * The console. It reads views and calls functions of the REST API that this page came from (../ of /rpc/console) with the
 * token of the person who looks at it. All texts go into the page as texts, never as HTML; the HTML of a message goes into a
 * frame where nothing runs.
 */
(() => {
	const api = new URL('..', location.href);
	const PAGE = 50;
	// Few: for an agent who sees one message of a hundred the database reads a hundred for each.
	const CSV_PAGE = 200;
	const POLL = 5000;
	// By a reason, or by the present, which nothing is sent before, an index finds what few messages of a day have.
	const STATES = [
		['', 'All'],
		['sent', 'Sent', ['state', 'eq.SENT'], ['due_at', 'lte.now']],
		['failed', 'Failed', ['state', 'eq.FAILED'], ['reason', 'not.is.null']],
		['pending', 'Pending', ['state', 'in.(PENDING,SENDING,RETRYING)']],
		['unsent', 'Not sent', ['state', 'in.(SUPPRESSED,SKIPPED,MISSED)'], ['reason', 'not.is.null']],
		['cancelled', 'Cancelled', ['state', 'eq.CANCELLED'], ['reason', 'not.is.null']],
	];
	const SHOWN = 'notification_id,application_id,type,channel,recipient_kind,recipient_id,recipient,recipient_name,recipient_email,' +
		'recipient_phone,state,due_at,attempt_number,started_at,start_at,title,response,response_reason,responded_at';
	const $ = (id) => document.getElementById(id);

	let token = sessionStorage.getItem('token');
	let state = null;		// of console_state, as its ETag
	let last = null;		// the last row that is shown
	let shown = 0;
	let request = 0;		// of the list: an answer to an earlier one comes too late
	let opened = null;		// the message in the dialog

	/* ---- elements ---- */

	function element(name, properties, ...children) {
		const made = document.createElement(name);
		for (const [key, value] of Object.entries(properties || {})) {
			if (key in made && key !== 'role') made[key] = value;
			else made.setAttribute(key, value);
		}
		made.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
		return made;
	}

	function svg(name, attributes, ...children) {
		const made = document.createElementNS('http://www.w3.org/2000/svg', name);
		for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
		made.append(...children);
		return made;
	}

	const words = (code) => code ? code.charAt(0) + code.slice(1).toLowerCase().replaceAll('_', ' ').replace(/\bsms\b/i, 'SMS') : '';
	const badge = (code) => code ? element('span', {className: 'state ' + code}, words(code)) : '';
	const moment = (text) => text ? new Date(text).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short'}) : '';
	const exact = (text) => text ? new Date(text).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'}) : '';
	// What a datetime-local field holds.
	const local = (date) => new Date(date.getTime() - 60000 * date.getTimezoneOffset()).toISOString().slice(0, 16);

	/* ---- requests ---- */

	class Refusal extends Error {
		constructor(status, answer) {
			super([answer.message || 'The request failed (' + status + ').', answer.details, answer.hint].filter(Boolean).join(' '));
			this.status = status;
		}
	}

	async function fetched(path, query, options) {
		const url = new URL(path, api);
		for (const [name, value] of query || []) url.searchParams.append(name, value);
		const {headers, ...others} = options || {};
		return fetch(url, {cache: 'no-store', credentials: 'omit', redirect: 'error', ...others,
			headers: {Accept: 'application/json', Authorization: 'Bearer ' + token, ...headers}});
	}

	async function read(path, query, options) {
		const response = await fetched(path, query, options);
		if (response.status === 204) return null;
		const answer = await response.json().catch(() => ({}));
		if (!response.ok) throw new Refusal(response.status, answer);
		return answer;
	}

	const call = (name, body) => read('rpc/' + name, [], {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': 'application/json'}});

	function tell(error) {
		$('trouble').textContent = error ? error.message : '';
		$('trouble').hidden = !error;
		if (error && error.status === 401) leave();
	}

	/* A handler of an event whose failure is told. */
	const told = (handler) => async (event) => {
		try {
			await handler(event);
		} catch (error) {
			tell(error);
		}
	};

	/* ---- who ---- */

	function claims() {
		try {
			return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')),
				(c) => c.charCodeAt(0))));
		} catch {
			return {};
		}
	}

	/* bytea as the API writes it. */
	function imageUrl(text) {
		const bytes = (text.slice(2).match(/../g) || []).map((pair) => parseInt(pair, 16));
		return 'data:' + (bytes[0] === 0x89 ? 'image/png' : 'image/jpeg') + ';base64,' + btoa(String.fromCharCode(...bytes));
	}

	function showApplication(application) {
		$('name').textContent = application ? application.name + ' – notifications' : 'Notifications';
		document.title = $('name').textContent;
		$('image').hidden = !application || !application.sender_image;
		if (!$('image').hidden) $('image').src = imageUrl(application.sender_image);
		else $('image').removeAttribute('src');
		const channels = application ? logged.filter((one) => one.application_id === application.id).map((one) => one.channel).sort() : [];
		$('logged').hidden = !channels.length;
		$('logged').textContent = channels.length ? 'Messages by ' + channels.join(' and ') + ' are written to this log only. Nobody gets them.' : '';
	}

	let applications = [];
	let logged = [];		// providers of kind LOG
	const application = () => applications.find((one) => one.id === $('application').value) || applications[0];

	async function enter() {
		applications = await read('application', [['select', 'id,name,sender_image'], ['order', 'name,id']]);
		logged = await read('provider', [['select', 'application_id,channel'], ['kind', 'eq.LOG'], ['enabled', 'is.true']]);
		const types = await read('notification_type', [['select', 'type'], ['order', 'type']]);
		$('application').replaceChildren(...applications.map((one) => element('option', {value: one.id}, one.name)));
		$('of-application').hidden = applications.length < 2;
		$('type').replaceChildren(element('option', {value: ''}, 'All'), ...types.map(({type}) => element('option', {value: type}, words(type))));
		$('who').textContent = [claims().sub, words((claims().role || '').replace(/^appt_/, ''))].filter(Boolean).join(', ');
		sessionStorage.setItem('token', token);
		$('entry').hidden = true;
		$('console').hidden = $('leave').hidden = false;
		tell(null);
		await show();
	}

	function leave() {
		sessionStorage.removeItem('token');
		token = state = null;
		applications = [];
		logged = [];
		request++;
		$('list').tBodies[0].replaceChildren();
		$('charts').replaceChildren();
		$('message-body').replaceChildren();
		if ($('message').open) $('message').close();
		$('console').hidden = $('leave').hidden = true;
		$('entry').hidden = false;
		$('who').textContent = '';
		showApplication(null);
		$('token').value = '';
		$('token').focus();
	}

	/* ---- the list ---- */

	/*
	 * What begins with the text, as bounds in the order of bytes, which the column has. These find an index. LIKE finds none
	 * where policies hide rows, because it is not marked as a function that keeps to itself what it is given.
	 */
	function beginning(text) {
		const points = Array.from(text, (c) => c.codePointAt(0));
		while (points[points.length - 1] === 0x10ffff) points.pop();
		if (!points.length) return [['address', 'gte.' + text]];
		const next = points.pop() + 1;
		points.push(next === 0xd800 ? 0xe000 : next);
		return [['address', 'gte.' + text], ['address', 'lt.' + String.fromCodePoint(...points)]];
	}

	// Few messages of the past are pending: an index of the other column has nothing else. Of those both columns are the same.
	const isOverdue = () => $('status').value === 'pending' && new Date($('since').value) < new Date();
	const times = () => isOverdue() ? ['due_at', 'unsettled_due_at'] : ['due_at'];
	const due = (bound) => times().map((time) => [time, bound]);

	function filters() {
		const [, , ...ofState] = STATES.find(([code]) => code === $('status').value);
		const query = [...due('gte.' + new Date($('since').value).toISOString()), ...due('lt.' + new Date($('until').value).toISOString()), ...ofState];
		if (application()) query.push(['application_id', 'eq.' + application().id]);
		if ($('type').value) query.push(['type', 'eq.' + $('type').value]);
		if ($('channel').value) query.push(['channel', 'eq.' + $('channel').value]);
		if ($('recipient').value.trim()) query.push(...beginning($('recipient').value.trim()));
		return query;
	}

	/* The rows after this one: by times that an index is bound by, and what orders rows of the same time. */
	function after(row, byAttempt) {
		if (!row) return [];
		const same = 'due_at.eq."' + row.due_at + '"';
		const parts = ['due_at.lt."' + row.due_at + '"', 'and(' + same + ',notification_id.lt.' + row.notification_id + ')'];
		if (byAttempt && row.attempt_number !== null)
			parts.push('and(' + same + ',notification_id.eq.' + row.notification_id + ',attempt_number.lt.' + row.attempt_number + ')');
		return [...due('lte.' + row.due_at), ['or', '(' + parts.join(',') + ')']];
	}

	// In this order an index has them, so that a page costs its rows whatever the database expects to find.
	const LIST_ORDER = ['order', 'due_at.desc,notification_id.desc'];
	const ORDER = ['order', 'due_at.desc,notification_id.desc,attempt_number.desc'];

	function whom(row) {
		const ways = [row.recipient_email, row.recipient_phone].filter((way) => way && way !== row.recipient);
		return {name: row.recipient_name || row.recipient || row.recipient_id, rest: [row.recipient_name ? row.recipient : null, ...ways].filter(Boolean).join(' · ')};
	}

	function listed(row) {
		const {name, rest} = whom(row);
		const open = element('button', {type: 'button'}, name || '(none)');
		const cell = (label, ...children) => element('td', {'data-label': label}, ...children);
		open.dataset.id = row.notification_id;
		open.addEventListener('click', told(() => openMessage(row.notification_id)));
		return element('tr', {},
			element('th', {scope: 'row'}, open, rest ? element('small', {}, rest) : ''),
			cell('Type', words(row.type)), cell('Channel', words(row.channel)),
			row.started_at ? cell('Sent', moment(row.started_at)) : cell('Due', element('small', {}, 'due ' + moment(row.due_at))),
			row.start_at ? cell('Event', moment(row.start_at), row.title ? element('small', {}, row.title) : '') : cell('Event'),
			cell('Status', badge(row.state)),
			row.response ? cell('Response', badge(row.response), row.response_reason ? element('small', {}, row.response_reason) : '') : cell('Response'));
	}

	/*
	 * The attempts of a message come side by side, and the last of them stands for all. A message whose attempts may go on
	 * beyond these rows is left to the next page, unless it is the only one.
	 */
	function add(rows) {
		const body = $('list').tBodies[0];
		const isEnd = rows.length <= PAGE;
		const whole = isEnd ? rows.length : rows.findIndex((row) => row.notification_id === rows[PAGE].notification_id);
		const messages = new Map();
		for (const row of rows.slice(0, whole || rows.length)) {
			const known = messages.get(row.notification_id);
			if (!known || known.attempt_number < row.attempt_number) messages.set(row.notification_id, row);
		}
		for (const row of messages.values()) {
			body.append(listed(row));
			shown++;
			last = row;
		}
		$('more').hidden = isEnd;
		$('count').textContent = shown + (isEnd ? '' : ' or more') + (shown === 1 ? ' message' : ' messages');
		busy(false);
	}

	/* While the list is read, what it shows is of before. */
	function busy(isBusy) {
		$('list').setAttribute('aria-busy', isBusy);
	}

	async function readPage() {
		const mine = ++request;
		busy(true);
		try {
			const rows = await read('notification_log', [['select', SHOWN], ...filters(), ...after(last, false), LIST_ORDER, ['limit', PAGE + 1]]);
			return mine === request ? rows : null;
		} catch (error) {
			if (mine === request) busy(false);
			throw error;
		}
	}

	async function show() {
		if (!$('filters').checkValidity() || new Date($('since').value) >= new Date($('until').value)) {
			tell(new Error('The first time must be before the second.'));
			return;
		}
		last = null;
		const rows = await readPage();
		if (!rows) return;
		shown = 0;
		$('list').tBodies[0].replaceChildren();
		add(rows);
		$('new').hidden = true;
		showApplication(application());
		tell(null);
		await showCharts();
	}

	async function more() {
		const rows = await readPage();
		if (rows) add(rows);
	}

	/* ---- charts ---- */

	const seconds = (text) => {
		const match = /^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text || '');
		const clock = /^(?:(\d+) days? )?(\d+):(\d+):([\d.]+)$/.exec(text || '');
		const parts = match ? match.slice(2) : clock ? clock.slice(1) : [];
		return Number(parts[0] || 0) * 86400 + Number(parts[1] || 0) * 3600 + Number(parts[2] || 0) * 60 + Number(parts[3] || 0);
	};
	const length = (value) => value < 10 ? value.toFixed(1) + ' s' : value < 120 ? Math.round(value) + ' s' : Math.round(value / 60) + ' min';

	function chart(name, className, values, text, from, until) {
		const most = Math.max(...values, 0);
		const width = 100 / values.length;
		const bars = values.map((value, i) => svg('rect', {class: className, x: i * width + width * .1, width: width * .8, y: 40 - (most ? 38 * value / most : 0),
			height: most ? 38 * value / most : 0}));
		return element('figure', {},
			element('figcaption', {}, element('strong', {}, name), element('span', {}, text)),
			svg('svg', {viewBox: '0 0 100 40', preserveAspectRatio: 'none', role: 'img', 'aria-label': name + ': ' + text}, ...bars,
				svg('line', {class: 'base', x1: 0, x2: 100, y1: 40, y2: 40})),
			element('div', {className: 'axis'}, element('span', {}, moment(from)), element('span', {}, moment(until))));
	}

	/* At most 48 bars of whole hours. Who may not see figures has no charts. */
	async function showCharts() {
		const since = new Date($('since').value);
		const until = new Date($('until').value);
		const step = Math.max(1, Math.ceil((until - since) / 3600000 / 48));
		const begin = Math.floor(since / 3600000) * 3600000;
		const mine = request;
		let rows;
		try {
			const range = [['since', since.toISOString()], ['until', until.toISOString()], ['step', step + ' hours']];
			rows = await read('rpc/notification_series', application() ? [...range, ['application_id', application().id]] : range);
		} catch (error) {
			if (error.status !== 403 && error.status !== 400) throw error;
			$('charts').hidden = true;
			return;
		}
		if (mine !== request) return;
		const bars = Array.from({length: Math.max(1, Math.ceil((until - begin) / 3600000 / step))}, () => ({sent: 0, failed: 0, late: 0}));
		for (const row of rows) {
			if (($('type').value && row.type !== $('type').value) || ($('channel').value && row.channel !== $('channel').value)) continue;
			const bar = bars[Math.floor((new Date(row.at) - begin) / 3600000 / step)];
			if (!bar) continue;
			bar.sent += row.sent;
			bar.failed += row.failed;
			bar.late = Math.max(bar.late, seconds(row.lateness_max));
		}
		const sum = (key) => bars.reduce((total, bar) => total + bar[key], 0).toLocaleString();
		const per = step === 1 ? ' by hour' : ' by ' + step + ' hours';
		$('charts').replaceChildren(
			chart('Sent' + per, 'sent', bars.map((bar) => bar.sent), sum('sent'), since, until),
			chart('Failed' + per, 'failed', bars.map((bar) => bar.failed), sum('failed'), since, until),
			chart('Latest start' + per, 'late', bars.map((bar) => bar.late), 'at most ' + length(Math.max(...bars.map((bar) => bar.late))), since, until));
		$('charts').hidden = false;
	}

	/* ---- a message ---- */

	const facts = (pairs) => element('dl', {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
		.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));

	function bodies(attempt) {
		const parts = [];
		if (attempt.html_body) {
			const frame = element('iframe', {title: 'The message as it was sent'});
			frame.setAttribute('sandbox', '');
			frame.srcdoc = attempt.html_body;
			parts.push(element('h3', {}, 'Message'), frame);
		}
		if (attempt.text_body) parts.push(element('h3', {}, attempt.html_body ? 'Text' : 'Message'), element('pre', {tabIndex: 0}, attempt.text_body));
		return parts;
	}

	function attemptsTable(rows) {
		const tried = rows.filter((row) => row.attempt_number !== null);
		if (!tried.length) return [];
		const heads = ['Attempt', 'Started', 'Outcome', 'Status', 'Answer', 'To'];
		return [element('h3', {}, 'Attempts'), element('div', {className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Attempts'}, element('table', {},
			element('thead', {}, element('tr', {}, ...heads.map((head) => element('th', {scope: 'col'}, head)))),
			element('tbody', {}, ...tried.map((row) => element('tr', {},
				element('td', {}, row.attempt_number + (row.manual ? ' (by hand)' : '')),
				element('td', {}, exact(row.started_at)),
				element('td', {}, badge(row.outcome || 'SENDING'), row.receipt ? badge(row.receipt) : ''),
				element('td', {}, row.status_code === null ? '' : String(row.status_code)),
				element('td', {}, [row.error, row.answer].filter(Boolean).join(' ')),
				element('td', {}, row.recipient || ''))))))];
	}

	async function retryPart(id) {
		const [failure] = await read('latest_failure', [['select', 'retriable,not_retriable_because'], ['notification_id', 'eq.' + id]]);
		if (!failure) return [];
		if (!failure.retriable) return [element('p', {}, 'It cannot be sent again: ' + failure.not_retriable_because)];
		if (claims().role === 'appt_client_service') return [];
		const retry = element('button', {type: 'button', className: 'main', id: 'retry'}, 'Send again');
		retry.addEventListener('click', told(async () => {
			retry.disabled = true;
			try {
				await call('retry_notification', {notification_id: id});
			} finally {
				await fillMessage(id);
			}
		}));
		return [element('p', {}, retry)];
	}

	/* Why it will go out or not; of what was sent it says nothing. */
	async function whyPart(row) {
		if (['SENT', 'SENDING'].includes(row.state)) return [];
		const judged = await call('notification_eligibility', {notification_id: row.notification_id});
		const verdict = ['PENDING', 'RETRYING'].includes(row.state) && !judged.eligible ? 'It would not be sent.' : '';
		return [element('h3', {}, 'Why'), facts([['State', row.explanation], ['Details', row.detail], ['Now', [verdict, judged.explanation].filter(Boolean).join(' ')]])];
	}

	async function fillMessage(id) {
		const rows = await read('notification_log', [['notification_id', 'eq.' + id], ['order', 'attempt_number.desc']]);
		if (!rows.length) throw new Error('This message is gone.');
		const row = rows[0];
		const [why, retry] = await Promise.all([whyPart(row), retryPart(id)]);
		$('message-title').textContent = row.subject || words(row.type) + ' by ' + words(row.channel);
		$('message-body').replaceChildren(
			facts([['Status', badge(row.state)], ['Recipient', row.recipient_name], ['Email', row.recipient_email], ['Phone', row.recipient_phone],
				['Sent to', row.recipient], ['Type', words(row.type)], ['Channel', words(row.channel)], ['Due', exact(row.due_at)], ['Sent', exact(row.started_at)],
				['Next attempt', exact(row.next_attempt_at)], ['Event', [exact(row.start_at), row.title].filter(Boolean).join(', ')],
				['Response', row.response ? element('span', {}, badge(row.response), ' ' + exact(row.responded_at)) : null], ['Reason', row.response_reason]]),
			...why, ...retry, ...bodies(row), ...attemptsTable(rows));
	}

	async function openMessage(id) {
		await fillMessage(id);
		opened = id;
		if (!$('message').open) $('message').showModal();
		$('message').scrollTop = 0;
	}

	/* ---- CSV ---- */

	const COLUMNS = ['notification_id', 'type', 'channel', 'recipient_name', 'recipient', 'recipient_email', 'recipient_phone', 'title', 'start_at', 'due_at',
		'state', 'reason', 'attempt_number', 'started_at', 'finished_at', 'outcome', 'status_code', 'error', 'subject', 'response', 'response_reason', 'responded_at'];

	/* A spreadsheet would run a cell that begins like a formula. */
	function csvCell(value) {
		const text = value === null || value === undefined ? '' : String(value);
		const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? "'" + text : text;
		return /[",\r\n]/.test(safe) || safe !== text ? '"' + safe.replaceAll('"', '""') + '"' : safe;
	}

	async function saveCsv() {
		const query = [['select', COLUMNS.join(',')], ...filters(), ORDER, ['limit', CSV_PAGE]];
		const parts = ['\ufeff' + COLUMNS.join(',') + '\r\n'];
		let row = null;
		let count = 0;
		$('csv').disabled = true;
		try {
			for (;;) {
				const rows = await read('notification_log', [...query, ...after(row, true)]);
				parts.push(rows.map((one) => COLUMNS.map((column) => csvCell(one[column])).join(',') + '\r\n').join(''));
				row = rows[rows.length - 1];
				count += rows.length;
				if (rows.length < CSV_PAGE) break;
				$('csv').textContent = count + ' rows …';
			}
		} finally {
			$('csv').disabled = false;
			$('csv').textContent = 'Download CSV';
		}
		const link = element('a', {href: URL.createObjectURL(new Blob(parts, {type: 'text/csv'})), download: 'notifications-' + $('since').value.slice(0, 10) + '.csv'});
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 60000);
	}

	/* ---- what is new ---- */

	/* Somebody who reads further down, or a message, is not disturbed. */
	async function poll() {
		if (!token || document.hidden || $('console').hidden) return;
		const response = await fetched('rpc/console_state', [], {headers: state ? {'If-None-Match': state} : {}});
		if (response.status === 304) return;
		if (response.status === 401) throw new Refusal(401, await response.json().catch(() => ({})));
		if (!response.ok) return;
		const known = state;
		state = response.headers.get('ETag');
		if (known === null) return;
		if ($('message').open || shown > PAGE || scrollY > 300) $('new').hidden = false;
		else await show();
	}

	async function pollAgain() {
		try {
			await poll();
		} catch (error) {
			// The network may be back at the next time.
			if (error.status) tell(error);
		}
		setTimeout(pollAgain, POLL);
	}

	/* ---- time range ---- */

	function setRange(since, until) {
		$('since').value = local(since);
		$('until').value = local(until);
	}

	function setToday() {
		const day = new Date();
		day.setHours(0, 0, 0, 0);
		const next = new Date(day);
		next.setDate(day.getDate() + 1);
		setRange(day, next);
	}

	function move(direction) {
		const since = new Date($('since').value);
		const until = new Date($('until').value);
		const days = Math.max(1, Math.round((until - since) / 86400000));
		since.setDate(since.getDate() + direction * days);
		until.setDate(until.getDate() + direction * days);
		setRange(since, until);
		return show();
	}

	/* ---- the beginning ---- */

	let typing = null;
	$('status').append(...STATES.map(([code, name]) => element('option', {value: code}, name)));
	setToday();
	$('entry').addEventListener('submit', told(async (event) => {
		event.preventDefault();
		token = $('token').value.trim().replace(/^Bearer\s+/i, '');
		state = null;
		try {
			await enter();
		} catch (error) {
			leave();
			throw error;
		}
	}));
	$('filters').addEventListener('submit', (event) => event.preventDefault());
	// What is typed is looked for as it is typed.
	$('filters').addEventListener('change', told((event) => event.target === $('recipient') ? null : show()));
	$('recipient').addEventListener('input', () => {
		clearTimeout(typing);
		typing = setTimeout(told(show), 300);
	});
	$('leave').addEventListener('click', leave);
	$('more').addEventListener('click', told(more));
	$('refresh').addEventListener('click', told(show));
	$('csv').addEventListener('click', told(saveCsv));
	$('earlier').addEventListener('click', told(() => move(-1)));
	$('later').addEventListener('click', told(() => move(1)));
	$('today').addEventListener('click', told(() => { setToday(); return show(); }));
	$('close').addEventListener('click', () => $('message').close());
	$('message').addEventListener('close', () => {
		$('message-body').replaceChildren();
		// The list may have been read again meanwhile.
		($('list').querySelector('button[data-id="' + opened + '"]') || $('recipient')).focus();
		opened = null;
	});

	if (token) enter().catch((error) => { leave(); tell(error); });
	else $('entry').hidden = false;
	setTimeout(pollAgain, POLL);
})();
