/*
 * The page of dl-twin-serve: components, their metrics as they change, and where
 * each value came from.  The token is in this file's memory and nowhere else.
 *
 * Names and values are whatever somebody sent: they reach the page as text only.
 * Values are kept as the JSON that the server sent, so that numbers keep their
 * digits: nothing of them goes through JSON.parse but strings.
 */

const HOME_ROWS = 100; // of the latest changes
const METRIC_ROWS = 200; // of a component, at a time
const NAMES = 2000; // asked for at a time
const POINTS = 200; // of a sparkline
const SERIES = 2000; // sparklines remembered
const EVENT_MAX = 8 << 20; // characters of one event of the stream
const SILENCE_MS = 45000; // the server says something every 15 s
const CUT = 4000; // characters of a value shown at first

const $ = (id) => document.getElementById(id);

/* ---- JSON as text ------------------------------------------------------ */

const malformed = () => new SyntaxError('the answer is not JSON');

/* Where the string that begins at i ends. */
function stringEnd(s, i) {
	for (let from = i + 1; ;) {
		const end = s.indexOf('"', from);
		if (end < 0) throw malformed();
		let back = end;
		while (s[back - 1] === '\\') back--;
		if ((end - back) % 2 === 0) return end + 1;
		from = end + 1;
	}
}

const space = /[ \t\n\r]*/y;
const scalar = /[^\s,:"{}[\]]+/y;

/* The tokens of s: strings, numbers, words and the six marks. */
function* tokens(s) {
	for (let i = 0; ;) {
		space.lastIndex = i;
		space.test(s);
		i = space.lastIndex;
		if (i >= s.length) return;
		let end = i + 1;
		if (s[i] === '"') {
			end = stringEnd(s, i);
		} else if (!'{}[],:'.includes(s[i])) {
			scalar.lastIndex = i;
			if (!scalar.test(s)) throw malformed();
			end = scalar.lastIndex;
		}
		yield [i, end];
		i = end;
	}
}

/* What stands between the commas of an object or a list: [key, raw] each. */
function* parts(s) {
	let depth = 0;
	let from = 0;
	let key = null;
	for (const [i, end] of tokens(s)) {
		const c = s[i];
		if (depth === 0) {
			if (c !== '{' && c !== '[') throw malformed();
			depth = 1;
			from = end;
		} else if (depth === 1 && c === ':') {
			key = s.slice(from, i).trim();
			from = end;
		} else if (depth === 1 && (c === ',' || c === '}' || c === ']')) {
			const raw = s.slice(from, i).trim();
			if (raw !== '') yield [key, raw];
			if (c !== ',') return;
			from = end;
			key = null;
		} else if (c === '{' || c === '[') {
			depth++;
		} else if (c === '}' || c === ']') {
			depth--;
		}
	}
	throw malformed();
}

const members = (s) =>
	new Map(Array.from(parts(s), ([key, raw]) => [JSON.parse(key), raw]));
const elements = (s) => Array.from(parts(s), ([, raw]) => raw);

function string(raw) {
	return raw !== undefined && raw[0] === '"' ? JSON.parse(raw) : null;
}

function kind(raw) {
	if (raw[0] === '"') return 'string';
	if (raw[0] === '{' || raw[0] === '[') return 'compound';
	return /^[-0-9]/.test(raw) ? 'number' : 'word';
}

/*
 * What has no shape of its own, or turns the text around it, as an escape: a
 * name must not look like another one.
 */
const shapeless = new RegExp('[\\0-\\x1f\\x7f-\\x9f\\xad\\u061c\\u200b-' +
	'\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]', 'g');
const visible = (text) => text.replace(shapeless,
	(c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/* One line of a value, for a table. */
function shown(raw) {
	const text = raw[0] === '"' ? JSON.parse(raw) : raw;
	return visible(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/* The whole of it, with a line for each member. */
function pretty(raw) {
	const out = [];
	let depth = 0;
	let last = '';
	for (const [i, end] of tokens(raw)) {
		const token = raw.slice(i, end);
		const closes = token === '}' || token === ']';
		const opened = last === '{' || last === '[';
		if (closes) depth--;
		if ((opened !== closes && (opened || closes)) || last === ',')
			out.push(`\n${'  '.repeat(Math.min(depth, 30))}`);
		if (token === '{' || token === '[') depth++;
		out.push(token === ':' ? ': ' : visible(token));
		last = token;
	}
	return out.join('');
}

/* A record of the API, its value as it was sent. */
function record(raw) {
	const m = members(raw);
	const time = string(m.get('time'));
	return {
		component: string(m.get('component')),
		metric: string(m.get('metric')),
		value: m.get('value'),
		time,
		ms: Date.parse(time),
		source: string(m.get('source')),
		id: string(m.get('id')),
		recorded: string(m.get('recordedtime')),
		change: null,
	};
}

/* ---- words ------------------------------------------------------------- */

let ahead = 0; // of our clock, the server's, in milliseconds
const now = () => Date.now() + ahead;

function span(ms) {
	const s = Math.floor(ms / 1000);
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min`;
	if (s < 86400) return `${Math.floor(s / 3600)} h`;
	const days = Math.floor(s / 86400);
	return days === 1 ? '1 day' : `${count(days)} days`;
}

function ago(ms) {
	if (Number.isNaN(ms)) return 'at an unknown time';
	const age = now() - ms;
	if (age < -999) return `in ${span(-age)}`;
	return age < 1000 ? 'just now' : `${span(age)} ago`;
}

const count = (n) => n.toLocaleString('en');
const many = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;

/* ---- elements ---------------------------------------------------------- */

/* Text is text, whatever is in it. */
function el(name, attributes = {}, ...children) {
	const node = document.createElement(name);
	for (const [k, v] of Object.entries(attributes))
		if (v !== null) node.setAttribute(k, v);
	node.append(...children);
	return node;
}

function say(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

/* A lone half of a character can't be in a URL. */
const encode = (name) => encodeURIComponent(name.toWellFormed?.() ?? name);
const link = (...names) => `#/${names.map(encode).join('/')}`;

/* ---- the server -------------------------------------------------------- */

let token = null;

class Refusal extends Error {
	constructor(message, status, wait) {
		super(message);
		this.status = status;
		this.wait = wait;
	}
}

/* Why a request was refused, in the server's words where it has some. */
async function refusal(res) {
	let detail = '';
	try {
		const m = members(await res.text());
		detail = string(m.get('detail')) ?? string(m.get('title')) ?? '';
	} catch {
		// It was not a problem document; the status will do.
	}
	const wait = 1000 * Number(res.headers.get('Retry-After')) || 0;
	return new Refusal(
		detail || `the server answered with status ${res.status}`,
		res.status, wait);
}

/* target: relative to the page, which a proxy may have put under a path. */
async function call(target, signal, headers = {}) {
	const given = token;
	if (given !== null) headers.Authorization = `Bearer ${given}`;
	let res;
	try {
		res = await fetch(target, {
			headers, signal, cache: 'no-store', credentials: 'omit',
			redirect: 'error',
		});
	} catch (e) {
		if (signal?.aborted) throw e;
		throw new Refusal('The server does not answer.', 0, 0);
	}
	const date = Date.parse(res.headers.get('Date'));
	const off = date + 500 - Date.now();
	if (Math.abs(off - ahead) > 1500) ahead = Math.abs(off) > 1500 ? off : 0;
	if (!res.ok) throw await refusal(res);
	return res;
}

/* A failed request's part in what happens next: true when it was the token. */
function refused(e) {
	if (e.status !== 401 && e.status !== 403) return false;
	// Of several requests that are refused, the first says why.
	if ($('sign-in').hidden)
		signedOut(e.status === 401 ? `Sign in again: ${e.message}` :
			'This token may not read anything here any more.');
	return true;
}

/* ---- server-sent events ------------------------------------------------ */

/* The events of a body, by the rules of HTML's event stream. */
async function* events(body, last) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	let event = { type: '', data: [], id: last };
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		rest += value;
		if (rest.length > EVENT_MAX) throw new Error('an event is too large');
		// A \r at the end may be half of a \r\n.
		const lines = rest.split(/\r\n|\n|\r(?!$)/);
		rest = lines.pop();
		for (const line of lines) {
			if (line === '') {
				yield { ...event, data: event.data.join('\n') };
				event = { type: '', data: [], id: event.id };
				continue;
			}
			const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
			if (field === 'data') event.data.push(text);
			else if (field === 'event') event.type = text;
			else if (field === 'id' && !text.includes('\0')) event.id = text;
		}
	}
}

/* Ends a body that has been silent for too long. */
function watched(body, controller) {
	let timer;
	const again = () => {
		clearTimeout(timer);
		timer = setTimeout(() => controller.abort(), SILENCE_MS);
	};
	again();
	return body.pipeThrough(new TransformStream({
		transform(chunk, out) {
			again();
			out.enqueue(chunk);
		},
		flush: () => clearTimeout(timer),
	}));
}

function pause(ms, signal) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		const end = () => {
			clearTimeout(timer);
			resolve();
		};
		signal.addEventListener('abort', end, { once: true });
		window.addEventListener('online', end, { once: true });
	});
}

/*
 * One connection, from the change at.last on.  A new stream tells the newest
 * change's number first: true where it is to be made once more, from an earlier
 * one.
 */
async function listenTo(v, at, one) {
	const headers = { Accept: 'text/event-stream' };
	// In the URL: what stands between may not know the header.
	const from = at.last === null ? '' : `&last_event_id=${at.last}`;
	const res = await call(`v1/changes?${v.query}${from}`, one.signal, headers);
	linked();
	for await (const event of events(watched(res.body, one), at.last)) {
		at.wait = 500;
		at.last = event.id;
		if (event.type === 'ready' || event.type === 'reset') {
			began(v, event.type, event.id);
			if (v.from === undefined) continue;
			at.last = v.from(Number(event.id));
			return true;
		}
		if (event.data !== '') changed(v, event);
	}
	return false;
}

/*
 * Follow the changes that v.query selects until v.stop says so.  A connection
 * that breaks is made again from the last change that was seen.
 */
async function follow(v) {
	const stop = v.stop.signal;
	const at = { last: null, wait: 500 };
	while (!stop.aborted) {
		const one = new AbortController();
		const end = () => one.abort();
		let wait = at.wait;
		let why = 'The server has ended the stream.';
		stop.addEventListener('abort', end);
		try {
			if (await listenTo(v, at, one)) continue;
		} catch (e) {
			if (stop.aborted || refused(e)) return;
			wait = Math.max(wait, e.wait ?? 0);
			why = e.message;
		} finally {
			stop.removeEventListener('abort', end);
			one.abort();
		}
		if (stop.aborted) return;
		broken(wait, why);
		if (at.last === null) v.load();
		at.wait = Math.min(2 * at.wait, 10000);
		await pause(wait, stop);
	}
}

/* ---- the connection, in words ------------------------------------------ */

let retryAt = null;
let connecting;

function linkState(state, text) {
	$('link').dataset.state = state;
	$('link').title = '';
	say($('link-text'), text);
	say($('link-more'), '');
}

/* Another view takes another stream: only a long wait for it is news. */
function linking() {
	retryAt = null;
	clearTimeout(connecting);
	connecting = setTimeout(() => linkState('wait', 'Connecting'), 700);
}

function linked() {
	clearTimeout(connecting);
	const back = retryAt !== null;
	retryAt = null;
	linkState('live', paused ? 'Paused' : 'Live');
	if (back) retry();
}

function broken(ms, why) {
	clearTimeout(connecting);
	retryAt = Date.now() + ms;
	linkState('away', 'Reconnecting');
	$('link').title = why;
	tellRetry();
}

/* Not part of the announcement: it changes every second. */
function tellRetry() {
	if (retryAt === null) return;
	const s = Math.ceil((retryAt - Date.now()) / 1000);
	say($('link-more'), s > 0 ? `in ${s} s` : 'now');
}

/* ---- what was seen of each metric -------------------------------------- */

const series = new Map(); // by a record's key: {points, last}

const keyOf = (r) => JSON.stringify([r.component, r.metric]);

/* The same record comes more than once: by the list, and by the stream. */
function remember(r) {
	const n = kind(r.value) === 'number' ? Number(r.value) : NaN;
	if (!Number.isFinite(n)) return;
	const key = keyOf(r);
	const is = JSON.stringify([r.time, r.source, r.id, r.value]);
	const seen = series.get(key) ?? { points: [], last: '' };
	if (seen.last === is) return;
	seen.last = is;
	seen.points.push(n);
	if (seen.points.length > POINTS) seen.points.shift();
	series.delete(key); // and to the end: the first is the idlest
	series.set(key, seen);
	if (series.size > SERIES) series.delete(series.keys().next().value);
}

const SVG = 'http://www.w3.org/2000/svg';

class Spark {
	constructor(big) {
		this.svg = document.createElementNS(SVG, 'svg');
		this.line = document.createElementNS(SVG, 'polyline');
		this.svg.append(this.line);
		this.svg.setAttribute('viewBox', '0 0 100 20');
		this.svg.setAttribute('preserveAspectRatio', 'none');
		this.svg.setAttribute('role', 'img');
		if (big) this.svg.classList.add('big');
	}

	/* False where there is nothing to draw. */
	draw(points) {
		if (points === undefined || points.length < 2) return false;
		const low = Math.min(...points);
		const high = Math.max(...points);
		// Halves: the difference of two doubles may be infinite.
		const range = high / 2 - low / 2;
		const at = points.map((n, i) => {
			const x = (100 * i) / (points.length - 1);
			const y = range > 0 ? (n / 2 - low / 2) / range : 0.5;
			return `${x.toFixed(2)},${(18.5 - 17 * y).toFixed(2)}`;
		});
		this.line.setAttribute('points', at.join(' '));
		this.words = `${points.length} values, from ${low} to ${high}, ` +
			`the last ${points.at(-1)}`;
		this.svg.setAttribute('aria-label', this.words);
		return true;
	}
}

/* ---- age and flash, of a row or of a box ------------------------------- */

let staleAfter = 300000;

function tellAge(node, age, r) {
	say(age.firstChild, ago(r.ms));
	const stale = now() - r.ms > staleAfter;
	node.classList.toggle('stale', stale);
	if (stale && age.childNodes.length === 1)
		age.append(el('span', { class: 'badge' }, 'stale'));
	else if (!stale && age.childNodes.length > 1) age.lastChild.remove();
}

/* Two names of one animation, so that it begins anew each time. */
function flash(node) {
	node.dataset.flash = node.dataset.flash === '1' ? '2' : '1';
	node.flashedAt = Date.now();
}

function unflash(node) {
	if (node.flashedAt === undefined || Date.now() - node.flashedAt < 1900)
		return;
	delete node.dataset.flash;
	delete node.flashedAt;
}

function showValue(node, raw, text) {
	say(node, text);
	node.dataset.kind = kind(raw);
}

function ageElement() {
	return el('span', { class: 'age' }, el('span'));
}

/* ---- tables ------------------------------------------------------------ */

/* On narrow screens rows are blocks: the roles say what they still are. */
class Row {
	constructor(r, withComponent) {
		this.value = el('span', { class: 'value' });
		this.cell = el('td', { role: 'cell', class: 'c-value' }, this.value);
		this.seen = el('td', { role: 'cell', class: 'c-seen' });
		this.spark = new Spark(false);
		this.age = ageElement();
		this.tr = el('tr', { role: 'row' });
		this.tr.metric = r.metric;
		if (withComponent)
			this.tr.append(el('td', { role: 'cell' },
				el('a', { href: link(r.component) }, visible(r.component))));
		this.tr.append(
			el('th', { role: 'rowheader', scope: 'row' },
				el('a', { href: link(r.component, r.metric) },
					visible(r.metric))),
			this.cell, this.seen,
			el('td', { role: 'cell', class: 'c-age' }, this.age));
	}

	draw(r) {
		this.r = r;
		showValue(this.value, r.value, shown(r.value));
		this.value.title = r.value.length > 40 ? shown(r.value) : '';
		if (this.spark.draw(series.get(keyOf(r))?.points) &&
		    !this.seen.firstChild)
			this.seen.append(this.spark.svg);
		if (r.fresh) flash(this.cell);
		this.tick();
	}

	tick() {
		tellAge(this.tr, this.age, this.r);
		unflash(this.cell);
	}
}

function table(withComponent) {
	const head = el('tr', { role: 'row' });
	const titles = [['Metric', 'c-metric'], ['Value', 'c-value'],
		['Seen here', 'c-seen'], ['Age', 'c-age']];
	if (withComponent) titles.unshift(['Component', 'c-component']);
	for (const [text, name] of titles)
		head.append(el('th', { role: 'columnheader', scope: 'col',
			class: name }, text));
	const body = el('tbody', { role: 'rowgroup' });
	const node = el('table', { role: 'table', 'aria-labelledby': 'title' },
		el('thead', { role: 'rowgroup' }, head), body);
	node.addEventListener('keydown', tableKey);
	return { node, body };
}

/* Up and down among the metrics of a table. */
function tableKey(e) {
	const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
	if (step === undefined || e.altKey || e.ctrlKey || e.metaKey) return;
	const links = [...e.currentTarget.querySelectorAll('tbody th a')];
	const row = e.target.closest('tr');
	const at = links.findIndex((a) => a.closest('tr') === row);
	links[at + step]?.focus();
	e.preventDefault();
}

/* ---- the list of components -------------------------------------------- */

/*
 * Names that were loaded, in order, of which only those in sight are elements.
 * The search field keeps the focus while the arrows move the active one.
 */
const list = {
	names: [],
	known: new Set(),
	late: new Set(), // came while names were on their way
	next: null, // a cursor; null: that is all
	prefix: '',
	active: -1,
	rows: new Map(), // index: element
	inner: el('div', { role: 'presentation' }),
	height: 28,
	loading: null, // an AbortController
	failed: false,
};

function listNote() {
	const n = list.names.length;
	let text = 'Loading';
	if (list.failed) text = list.failed;
	else if (list.loading !== null && n === 0) text = 'Loading';
	else if (n === 0 && list.prefix === '') text = 'There are no components yet.';
	else if (n === 0) text = `No component begins with “${list.prefix}”.`;
	else if (list.next !== null) text = `The first ${count(n)}; more on scrolling`;
	else text = many(n, 'component');
	say($('list-note'), text);
	$('list-again').hidden = !list.failed;
}

async function listLoad(first) {
	if (first) list.loading?.abort();
	else if (list.loading !== null || list.next === null) return;
	const loading = list.loading = new AbortController();
	const prefix = first ? $('search').value : list.prefix;
	const after = first ? '' : `&after=${encode(list.next)}`;
	try {
		const res = await call(`v1/components?prefix=${encode(prefix)}` +
			`${after}&limit=${NAMES}`, loading.signal);
		const m = members(await res.text());
		const names = elements(m.get('components')).map(string);
		if (loading.signal.aborted) return;
		if (first) listClear(prefix);
		for (const name of names) {
			if (list.known.has(name)) continue;
			list.known.add(name);
			list.names.push(name);
		}
		list.next = string(m.get('next'));
		list.failed = false;
	} catch (e) {
		if (loading.signal.aborted || refused(e)) return;
		list.failed = e.message;
	}
	list.loading = null;
	for (const name of list.late) listAdd(name);
	list.late.clear();
	listDraw();
	listNote();
}

function listClear(prefix) {
	Object.assign(list, { names: [], known: new Set(), next: null, prefix,
		active: -1 });
	for (const row of list.rows.values()) row.remove();
	list.rows.clear();
	$('list').scrollTop = 0;
}

/* A component that came while we looked. */
function listAdd(name) {
	const { names } = list;
	if (list.known.has(name)) return;
	if (list.loading !== null) {
		// Whether the answer has it is not known yet.
		if (list.late.size < NAMES) list.late.add(name);
		return;
	}
	if (!name.startsWith(list.prefix) ||
	    (list.next !== null && name > names.at(-1)))
		return;
	let low = 0;
	for (let high = names.length; low < high;) {
		const middle = (low + high) >> 1;
		if (names[middle] < name) low = middle + 1;
		else high = middle;
	}
	names.splice(low, 0, name);
	list.known.add(name);
	if (list.active >= low) list.active++;
	for (const row of list.rows.values()) row.remove();
	list.rows.clear();
	soonDraw();
}

function listRow(i) {
	let row = list.rows.get(i);
	if (row === undefined) {
		row = el('div', { role: 'option', id: `option-${i}`,
			'aria-posinset': i + 1 }, visible(list.names[i]));
		row.title = row.textContent;
		row.style.top = `${i * list.height}px`;
		list.rows.set(i, row);
		list.inner.append(row);
	}
	row.setAttribute('aria-setsize',
		list.next === null ? list.names.length : -1);
	row.setAttribute('aria-selected', list.names[i] === view.component);
	row.classList.toggle('active', i === list.active);
	return row;
}

function listDraw() {
	const box = $('list');
	if (box.offsetParent === null) return;
	const { names, rows } = list;
	list.height = rows.values().next().value?.offsetHeight || list.height;
	const first = Math.max(0, Math.floor(box.scrollTop / list.height) - 10);
	const end = Math.min(names.length,
		first + Math.ceil(box.clientHeight / list.height) + 20);
	list.inner.style.height = `${names.length * list.height}px`;
	for (const [i, row] of rows) {
		if ((i >= first && i < end) || i === list.active) continue;
		row.remove();
		rows.delete(i);
	}
	for (let i = first; i < end; i++) listRow(i);
	if (list.active >= 0) listRow(list.active);
	for (const node of [$('search'), box]) {
		if (list.active < 0) node.removeAttribute('aria-activedescendant');
		else node.setAttribute('aria-activedescendant',
			`option-${list.active}`);
	}
	if (end > names.length - 100 && !list.failed) listLoad(false);
}

function listMove(to) {
	const box = $('list');
	if (list.names.length === 0) return;
	list.active = Math.max(0, Math.min(list.names.length - 1, to));
	const top = list.active * list.height;
	if (top < box.scrollTop) box.scrollTop = top;
	const bottom = top + list.height - box.clientHeight;
	if (bottom > box.scrollTop) box.scrollTop = bottom;
	listDraw();
}

function listKey(e) {
	const page = Math.max(1, Math.floor($('list').clientHeight / list.height) - 1);
	const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
	if (e.altKey || e.ctrlKey || e.metaKey || e.isComposing) return;
	if (e.key in steps) {
		listMove(list.active + steps[e.key]);
	} else if (e.key === 'Enter') {
		if (list.active < 0 && list.names.length > 0) list.active = 0;
		open(list.names[list.active]);
	} else if (e.key === 'Home' && e.target === $('list')) {
		listMove(0);
	} else if (e.key === 'End' && e.target === $('list')) {
		listMove(list.names.length - 1);
	} else {
		return;
	}
	e.preventDefault();
}

function open(name) {
	if (name !== undefined) location.hash = link(name);
}

/* ---- views ------------------------------------------------------------- */

/*
 * What is shown at the right: the latest changes, a component, or one metric
 * of it.  Each has a stream, and an AbortController that ends all it began:
 *
 *	query      of its stream
 *	from       optional: the change to go on from, by the newest one's number
 *	load()     get what the stream does not bring
 *	take(r)    a change
 *	draw()     put what came into the page
 *	tick()     every second
 */
let view = { component: null, stop: new AbortController() };
let paused = false;

/* Drawn ten times a second at most, however much has changed. */
let drawing = false;
let drawnAt = -100;
function soonDraw() {
	if (drawing) return;
	drawing = true;
	setTimeout(() => requestAnimationFrame(() => {
		drawing = false;
		drawnAt = performance.now();
		listDraw();
		if (!paused) view.draw?.();
	}), Math.max(0, drawnAt + 100 - performance.now()));
}

function viewNote(text, failed = false) {
	say($('view-note'), text);
	$('view-note').classList.toggle('why', failed);
	$('view-again').hidden = !failed;
	view.failed = failed;
}

/* The stream has begun, or the twin is another one. */
function began(v, type, id) {
	v.newest = Number(id);
	if (type === 'reset') {
		series.clear();
		listLoad(true);
		v.clear();
	}
	v.load();
}

function changed(v, event) {
	const r = record(event.data);
	r.change = event.id;
	r.fresh = Number(event.id) > v.newest;
	listAdd(r.component);
	v.take(r);
	soonDraw();
}

/* After a break: what could not be loaded then. */
function retry() {
	if (list.failed) listLoad(list.names.length === 0);
	if (view.failed) view.load();
}

/* Rows that are shown, by their key, and the records not yet drawn. */
class Rows {
	constructor(withComponent) {
		this.withComponent = withComponent;
		this.table = table(withComponent);
		this.clear();
	}

	clear() {
		this.rows = new Map();
		this.news = new Map();
		this.table.body.replaceChildren();
		this.table.node.hidden = true;
	}

	put(r) {
		const key = keyOf(r);
		this.news.delete(key);
		this.news.set(key, r);
		if (this.news.size > METRIC_ROWS)
			this.news.delete(this.news.keys().next().value);
	}

	/* place: puts a new row; most: how many are kept, the last changed. */
	draw(place, most) {
		for (const [key, r] of this.news) {
			let row = this.rows.get(key);
			if (row === undefined) {
				row = new Row(r, this.withComponent);
				place(this.table.body, row.tr);
			}
			this.rows.delete(key);
			this.rows.set(key, row);
			row.draw(r);
		}
		this.news.clear();
		for (const [key, row] of this.rows) {
			if (this.rows.size <= most) break;
			row.tr.remove();
			this.rows.delete(key);
		}
		this.table.node.hidden = this.rows.size === 0;
	}

	tick() {
		for (const row of this.rows.values()) row.tick();
	}
}

function homeView(prefix) {
	const rows = new Rows(true);
	let loaded = false;
	return {
		query: `prefix=${encode(prefix)}`,
		from: (newest) => String(Math.max(0, newest - HOME_ROWS)),
		title: 'Latest changes',
		up: [],
		body: [rows.table.node],
		clear: () => rows.clear(),
		load() {
			loaded = true;
			soonDraw();
		},
		take(r) {
			remember(r);
			rows.put(r);
		},
		draw() {
			rows.draw((body, tr) => body.prepend(tr), HOME_ROWS);
			if (!loaded) viewNote('Loading');
			else if (rows.rows.size > 0) viewNote('');
			else if (prefix === '') viewNote('Nothing has changed lately.');
			else viewNote('Nothing that begins with ' +
				`“${prefix}” has changed lately.`);
		},
		tick: () => rows.tick(),
	};
}

/* No URL's path can have these as a name: their records come by the stream. */
const pathless = (name) => name === '.' || name === '..';

/*
 * The records of a component that query selects, but those that have changed
 * while the answer was on its way; null where there are none.
 */
async function records(v, component, query) {
	const signal = v.stop.signal;
	v.touched = new Set();
	if (pathless(component)) return { records: [], next: null };
	try {
		const res = await call(
			`v1/components/${encode(component)}?${query}`, signal);
		const m = members(await res.text());
		return {
			records: elements(m.get('records')).map(record)
				.filter((r) => !v.touched.has(r.metric)),
			next: string(m.get('next')),
		};
	} catch (e) {
		if (e.status === 404) return null;
		throw e;
	}
}

/* Runs what loads a view; what goes wrong is said in its note. */
function loading(v, work) {
	return async () => {
		viewNote('Loading');
		try {
			await work();
		} catch (e) {
			if (v.stop.signal.aborted || refused(e)) return;
			viewNote(e.message, true);
		}
	};
}

/* By name, whatever came first. */
function inOrder(body, tr) {
	const name = (row) => row.metric;
	const after = [...body.children].find((row) => name(row) > name(tr));
	body.insertBefore(tr, after ?? null);
}

function componentView(component) {
	const rows = new Rows(false);
	const more = el('button', { type: 'button' });
	let after = null; // the cursor of the page that is shown
	let next = null;
	const v = {
		query: `prefix=${encode(component)}`,
		from: pathless(component) ? () => '0' : undefined,
		title: component,
		up: [['All components', '#/']],
		body: [rows.table.node, more],
		touched: new Set(),
		clear() {
			rows.clear();
			after = null;
		},
		take(r) {
			if (r.component !== component) return;
			remember(r);
			v.touched.add(r.metric);
			const whole = after === null && next === null &&
				rows.rows.size + rows.news.size < METRIC_ROWS;
			if (whole || rows.rows.has(keyOf(r))) rows.put(r);
		},
		draw() {
			rows.draw(inOrder, METRIC_ROWS);
			more.hidden = after === null && next === null;
			say(more, next !== null ? `Next ${METRIC_ROWS} metrics` :
				'From the first metric');
			if (view.failed || rows.rows.size === 0) return;
			const n = many(rows.rows.size, 'metric');
			viewNote(after === null ? next === null ? n : `The first ${n}` :
				next === null ? `The last ${n}` : `${n} more`);
		},
		tick: () => rows.tick(),
	};
	v.load = loading(v, async () => {
		const page = after === null ? '' : `&after=${encode(after)}`;
		const got = await records(v, component,
			`limit=${METRIC_ROWS}${page}`);
		if (v.stop.signal.aborted) return;
		next = got?.next ?? null;
		viewNote(got !== null ? '' : 'There is no such component, or ' +
			'nothing of it is for you to see.');
		for (const r of got?.records ?? []) {
			remember(r);
			rows.put(r);
		}
		v.draw();
	});
	more.addEventListener('click', () => {
		rows.clear();
		after = next;
		$('title').focus();
		v.load();
	});
	return v;
}

/* One metric: its value whole, what was seen of it, and its lineage. */
function metricView(component, metric) {
	const value = el('pre', { class: 'value', tabindex: '0',
		'aria-label': 'Value' });
	const all = el('button', { type: 'button', hidden: '' });
	const box = el('div', { class: 'box' }, el('h3', {}, 'Value'), value, all);
	const spark = new Spark(true);
	const words = el('p', { class: 'note' },
		'A line is drawn here once a number has changed.');
	const seen = el('div', { class: 'box' },
		el('h3', {}, 'Seen since the page was opened'), words);
	const age = ageElement();
	const lines = new Map(['Component', 'Metric', 'Measured', 'Age', 'Source',
		'Event', 'Acquired', 'Change'].map((name) => [name, el('dd')]));
	lines.get('Age').append(age);
	const terms = el('dl', { class: 'box' });
	for (const [name, dd] of lines) terms.append(el('dt', {}, name), dd);
	let now = null; // the record that is shown
	let news = null;
	let whole = false;

	function drawValue() {
		const text = kind(now.value) === 'compound' ?
			pretty(now.value) : visible(now.value);
		const cut = !whole && text.length > CUT;
		showValue(value, now.value, cut ? `${text.slice(0, CUT)}…` : text);
		all.hidden = !cut;
		say(all, `Show all ${count(text.length)} characters`);
	}
	function drawLineage() {
		const r = now;
		const late = Date.parse(r.recorded) - r.ms;
		say(lines.get('Component'), visible(r.component));
		say(lines.get('Metric'), visible(r.metric));
		say(lines.get('Measured'), visible(r.time));
		say(lines.get('Source'), visible(r.source ?? 'not told'));
		say(lines.get('Event'), visible(r.id ?? 'not told'));
		say(lines.get('Acquired'), visible(r.recorded ?? 'not told') +
			(late >= 1000 ? ` (${span(late)} after it was measured)` : ''));
		say(lines.get('Change'), r.change ?? '');
	}
	const v = {
		query: `prefix=${encode(component)}&metric=${encode(metric)}`,
		// For the number of its last change, which no other answer has.
		from: () => '0',
		title: metric,
		up: [['All components', '#/'], [component, link(component)]],
		body: [box, seen, terms],
		touched: new Set(),
		clear() {
			now = news = null;
		},
		take(r) {
			if (r.component !== component || r.metric !== metric) return;
			remember(r);
			v.touched.add(r.metric);
			news = r;
		},
		draw() {
			if (news !== null) {
				if (news.fresh) flash(box);
				now = news;
				news = null;
				drawValue();
				drawLineage();
				if (spark.draw(series.get(keyOf(now))?.points)) {
					if (!spark.svg.isConnected) words.before(spark.svg);
					say(words, spark.words);
				}
				viewNote('');
			}
			for (const part of v.body) part.hidden = now === null;
			seen.hidden ||= kind(now.value) !== 'number' &&
				!series.has(keyOf(now));
			if (now !== null) v.tick();
		},
		tick() {
			if (now !== null) tellAge(box, age, now);
			unflash(box);
		},
	};
	v.load = loading(v, async () => {
		const got = await records(v, component, `metrics=${encode(metric)}`);
		if (v.stop.signal.aborted) return;
		viewNote(got !== null ? '' : 'There is no such metric, or it is ' +
			'not for you to see.');
		for (const r of got?.records ?? []) v.take(r);
		v.draw();
	});
	all.addEventListener('click', () => {
		whole = true;
		drawValue();
		value.focus();
	});
	return v;
}

/* The names in the URL: none, a component, or a component and a metric. */
function route() {
	try {
		return location.hash.replace(/^#\/?/, '').split('/')
			.filter((name) => name !== '').map(decodeURIComponent)
			.slice(0, 2);
	} catch {
		return [];
	}
}

function show(focus) {
	const names = route();
	const v = [homeView, componentView, metricView][names.length](
		...(names.length === 0 ? [list.prefix] : names));
	view.stop.abort();
	view = v;
	v.component = names[0] ?? null;
	v.stop = new AbortController();
	document.body.dataset.view = names.length === 0 ? 'home' : 'one';
	document.title = `${visible(v.title)} · dl twin`;
	say($('title'), visible(v.title));
	$('up').replaceChildren(...v.up.flatMap(([text, to], i) =>
		[i > 0 ? ' / ' : '', el('a', { href: to }, visible(text))]));
	$('up').hidden = v.up.length === 0;
	$('view-body').replaceChildren(...v.body);
	viewNote('Loading');
	v.draw();
	linking();
	listDraw();
	follow(v);
	$('main').scrollTop = 0;
	if (focus) $('title').focus();
}

/* ---- signing in -------------------------------------------------------- */

function signedOut(why) {
	token = null;
	view.stop.abort();
	series.clear();
	listClear('');
	clearTimeout(connecting);
	retryAt = null;
	linkState('', '');
	for (const id of ['pick', 'view', 'tools-in', 'sign-out'])
		$(id).hidden = true;
	$('view-body').replaceChildren();
	$('search').value = '';
	$('token').value = '';
	document.body.dataset.view = 'sign-in';
	document.title = 'Sign in · dl twin';
	$('sign-in').hidden = false;
	say($('sign-in-why'), why);
	$('token').focus();
}

function signedIn() {
	for (const id of ['pick', 'view', 'tools-in']) $(id).hidden = false;
	$('sign-in').hidden = true;
	$('sign-out').hidden = token === null;
	$('token').value = '';
	say($('sign-in-why'), '');
	listClear('');
	listLoad(true);
	show(false);
	$('search').focus();
}

/* With a token, or without one, where the server is open to all. */
async function enter(given) {
	token = given;
	try {
		await call('v1/components?limit=1');
		signedIn();
	} catch (e) {
		token = null;
		if (e.status === 401 && given === null) signedOut('');
		else if (e.status === 401) signedOut(`Refused: ${e.message}`);
		else if (e.status === 403)
			signedOut('This token may not read anything here.');
		else signedOut(e.message);
	}
}

/* ---- keys, buttons, the clock ------------------------------------------ */

function back() {
	const names = route();
	if (names.length === 0) return;
	location.hash = link(...names.slice(0, -1));
}

function key(e) {
	if ($('pick').hidden || e.altKey || e.ctrlKey || e.metaKey) return;
	const typing = e.target.matches('input, select, textarea');
	if (e.key === '/' && !typing) {
		if ($('search').offsetParent === null) location.hash = '#/';
		setTimeout(() => $('search').focus());
	} else if (e.key === 'Escape' && e.target === $('search') &&
	    e.target.value !== '') {
		e.target.value = '';
		searched();
	} else if (e.key === 'Escape') {
		back();
	} else {
		return;
	}
	e.preventDefault();
}

let searching;
function searched() {
	clearTimeout(searching);
	searching = setTimeout(async () => {
		await listLoad(true);
		if (view.component === null && !$('view').hidden) show(false);
	}, 120);
}

const dark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (document.documentElement.dataset.theme ??
	(dark.matches ? 'dark' : 'light')) === 'dark';
const tellTheme = () => say($('theme'), isDark() ? 'Light' : 'Dark');

function listen() {
	const on = (id, type, f) => $(id).addEventListener(type, f);
	on('sign-in-form', 'submit', (e) => {
		e.preventDefault();
		const given = $('token').value.trim();
		if (/^[\w.~+/=-]+$/.test(given)) enter(given);
		else signedOut('This is not a token: it has other characters.');
	});
	on('sign-out', 'click', () => signedOut(''));
	on('search', 'input', searched);
	on('search', 'keydown', listKey);
	on('list', 'keydown', listKey);
	on('list', 'scroll', listDraw);
	on('list', 'click', (e) => {
		const row = e.target.closest('[role="option"]');
		if (row === null) return;
		list.active = Number(row.id.slice('option-'.length));
		open(list.names[list.active]);
	});
	on('list-again', 'click', () => listLoad(list.names.length === 0));
	on('view-again', 'click', () => view.load());
	on('pause', 'click', () => {
		paused = !paused;
		$('pause').setAttribute('aria-pressed', paused);
		if ($('link').dataset.state === 'live') linked();
		soonDraw();
	});
	on('stale', 'change', () => {
		staleAfter = Number($('stale').value);
		view.tick();
	});
	on('theme', 'click', () => {
		document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
		tellTheme();
	});
	dark.addEventListener('change', tellTheme);
	document.addEventListener('keydown', key);
	window.addEventListener('resize', soonDraw);
	window.addEventListener('hashchange', () => {
		if (!$('view').hidden) show(true);
	});
	setInterval(() => {
		tellRetry();
		if (!$('view').hidden) view.tick();
	}, 1000);
}

tellTheme();
$('list').append(list.inner);
listen();
enter(null);
