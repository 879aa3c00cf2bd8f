// What tests/page.t sees: a browser on dl-twin-serve's page.  Prints TAP.
//
//	node page.mjs DIR      screenshots go there; $T is a scratch directory
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const scratch = process.env.T;
const artefacts = process.argv[2];
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic',
	'--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync',
	'--disable-dev-shm-usage'];

/* ---- TAP --------------------------------------------------------------- */

let tests = 0;
let failures = 0;

function ok(good, name, ...why) {
	tests++;
	if (!good) failures++;
	console.log(`${good ? 'ok' : 'not ok'} ${tests} - ${name}`);
	if (!good)
		for (const line of why.join('\n').split('\n'))
			console.error(`# ${line}`);
	return good;
}
const is = (got, want, name) => ok(got === want, name,
	`got:  ${JSON.stringify(got)}`, `want: ${JSON.stringify(want)}`);
const like = (got, want, name) => ok(want.test(got), name,
	`got:      ${got}`, `to match: ${want}`);

/* ---- the twin and its server ------------------------------------------- */

const run = (tool, args, input) =>
	execFileSync(tool, args, { input, encoding: 'utf8',
		maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'inherit'] }).trim();
const iso = (ms) => new Date(ms).toISOString();

let events = 0;
function event(component, data, ms = Date.now()) {
	const source = '/site/"b"';
	return `{"specversion":"1.0","id":"e-${++events}",` +
		`"source":${JSON.stringify(source)},"type":"dl.observation",` +
		`"time":"${iso(ms)}","recordedtime":"${iso(ms + 2500)}",` +
		`"subject":${JSON.stringify(component)},"data":${data}}\n`;
}
// A batch of its own: their changes have numbers in the order of the lines.
function put(...lines) {
	run('dl-twin-put', ['-q'], lines.join(''));
}

let server = null;
let url = null;

function serve(...more) {
	const at = url === null ? '127.0.0.1:0' : new URL(url).host;
	server = spawn('dl-twin-serve', ['-l', at, ...more],
		{ stdio: ['ignore', 'ignore', 'pipe'] });
	writeFileSync(`${scratch}/serve.pid`, String(server.pid));
	return new Promise((resolve, reject) => {
		let said = '';
		server.once('exit', () => reject(new Error(`it ended: ${said}`)));
		server.stderr.on('data', (text) => {
			said += text;
			const m = /listening on (http:[/\d.:]+)/.exec(said);
			if (m === null) return;
			url = `${m[1]}/`;
			resolve();
		});
	});
}

function killServer() {
	return new Promise((resolve) => {
		server.removeAllListeners('exit');
		server.once('exit', resolve);
		server.kill('SIGKILL');
	});
}

const mint = (sub) => run('dl-token',
	['mint', '--sub', sub, '--scope', 'twin:read', '--aud', 'dl']);

/* ---- the browser ------------------------------------------------------- */

const wrong = []; // what nothing in this file may cause
let page;
let theme = 'light';

async function watch(p) {
	p.setDefaultTimeout(10000);
	p.on('pageerror', (e) => wrong.push(`an error: ${e.message}`));
	p.on('dialog', (d) => {
		wrong.push(`a dialog: ${d.message()}`);
		d.dismiss();
	});
	// A request that is refused, or not answered, is said there as well.
	p.on('console', (m) => {
		if (!['error', 'warning'].includes(m.type())) return;
		if (!/^Failed to load resource: .*(401|403|404|net::ERR_)/.test(m.text()))
			wrong.push(`the console: ${m.text()}`);
	});
	p.on('request', (r) => {
		if (!r.url().startsWith(url) && !r.url().startsWith('data:'))
			wrong.push(`a request: ${r.url()}`);
	});
	await p.addInitScript(() => addEventListener('securitypolicyviolation',
		(e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)));
}

const text = (selector) => page.textContent(selector);
const seen = (f, ...args) =>
	page.waitForFunction(f, ...args).then(() => true, () => false);
// The cell of a metric's row: the text of that class.
const cell = (metric, name) => page.evaluate(([m, n]) =>
	[...document.querySelectorAll('#view tbody tr')].find(
		(tr) => tr.querySelector('th').textContent === m)
		?.querySelector(n)?.textContent ?? null, [metric, name]);
const becomes = (metric, name, want) => seen(([m, n, w]) => {
	const tr = [...document.querySelectorAll('#view tbody tr')].find(
		(row) => row.querySelector('th').textContent === m);
	return new RegExp(w).test(tr?.querySelector(n)?.textContent ?? '');
}, [metric, name, want]);

// A flash may be over before we look: so the page itself keeps the first.
const flashes = () => page.evaluate(() => {
	delete window.flashed;
	new MutationObserver((all) => {
		const td = all.find((m) => m.target.dataset.flash)?.target;
		if (td) window.flashed ??= getComputedStyle(td).animationName;
	}).observe(document.querySelector('#view'),
		{ subtree: true, attributeFilter: ['data-flash'] });
});
const flashed = async () => await seen(() => window.flashed) ?
	page.evaluate(() => window.flashed) : 'nothing';

async function shot(name) {
	await page.screenshot({ path: `${artefacts}/page-${name}.png` });
}

// No flash is under way: its colours are on the move.
async function accessible(name) {
	await seen(() => document.getAnimations().length === 0);
	await page.evaluate(axe.source);
	const { violations } = await page.evaluate(() => axe.run(document));
	ok(violations.length === 0, `axe finds nothing: ${name}`,
		...violations.map((v) => `${v.id}: ${v.help}\n` +
			v.nodes.map((n) => `${n.html}: ${n.failureSummary}`).join('\n')));
	await shot(name.replaceAll(/\W+/g, '-'));
}

async function signIn(token) {
	await page.fill('#token', token);
	await page.click('#sign-in-form button');
}

async function search(prefix) {
	await page.fill('#search', prefix);
	await seen((p) => {
		const names = [...document.querySelectorAll('[role=option]')]
			.map((o) => o.textContent);
		return names.length > 0 && names.every((n) => n.startsWith(p));
	}, prefix);
}

const live = () => seen(() =>
	document.querySelector('#link').dataset.state === 'live');

/* ---- what is seen ------------------------------------------------------ */

async function signingIn(token) {
	await page.goto(url);
	await page.waitForSelector('#token', { state: 'visible' });
	is(await page.getAttribute('#token', 'type'), 'password',
		'a token is not seen');
	await accessible('sign-in');
	await signIn(`${token.slice(0, -8)}AAAAAAAA`);
	await seen(() => document.querySelector('#sign-in-why').textContent !== '');
	like(await text('#sign-in-why'), /^Refused: ./, 'a bad token is told');
	await accessible('a bad token');
	await signIn('x y');
	like(await text('#sign-in-why'), /not a token/, 'so is what is none');
	await signIn(token);
	ok(await page.waitForSelector('#view tbody tr'), 'a good one is taken');
	const kept = await page.evaluate(() => JSON.stringify([
		document.documentElement.outerHTML, document.cookie, localStorage,
		sessionStorage, location.href, document.querySelector('#token').value,
	]));
	ok(!kept.includes(token), 'and kept nowhere but in memory');
	await live();
	await accessible('list light');
}

async function searching() {
	// The answer that comes last is not the one that was asked for last.
	await page.route('**/v1/components?prefix=w&**', async (route) => {
		await new Promise((resolve) => setTimeout(resolve, 600));
		await route.continue().catch(() => {});
	});
	const late = page.waitForRequest('**/v1/components?prefix=w&**');
	await page.fill('#search', 'w');
	await late;
	await search('wagon-0123');
	await new Promise((resolve) => setTimeout(resolve, 700));
	await page.unroute('**/v1/components?prefix=w&**');
	is(await text('#list-note'), '5 components',
		'search as you type: the last asked is what is shown');
	await page.fill('#search', 'nothing');
	ok(await seen(() => /No component begins with/.test(
		document.querySelector('#list-note').textContent)),
	'that there is none is said');
	await page.keyboard.press('Escape');
	ok(await seen(() => document.querySelectorAll('[role=option]').length > 9),
		'Esc: all again');
	const all = await page.evaluate(async () => {
		const box = document.querySelector('#list');
		const note = document.querySelector('#list-note');
		let most = 0;
		let slow = 0;
		for (let i = 0; i < 3000 && !/component/.test(note.textContent); i++) {
			const from = performance.now();
			box.scrollTop = box.scrollHeight;
			await new Promise((resolve) => requestAnimationFrame(resolve));
			slow = Math.max(slow, performance.now() - from);
			most = Math.max(most, document.querySelectorAll('*').length);
		}
		return { note: note.textContent, most, slow };
	});
	is(all.note, '100,004 components', 'scrolling gets them all');
	ok(all.most < 1500, 'of which few are in the document', all.most);
	console.log(`# ${all.most} elements at most, ` +
		`${Math.round(all.slow)} ms for the slowest frame of scrolling`);
}

// An answer that was on its way while a change came is the older one.
async function overtaking() {
	const late = '**/v1/components/crane?**';
	await page.route(late, async (route) => {
		const response = await route.fetch();
		put(event('crane', '{"on":false}'));
		await becomes('on', '.value', '^false$');
		await route.fulfill({ response });
	});
	const answered = page.waitForResponse(late);
	await page.evaluate(() => { location.hash = '#/crane'; });
	await (await answered).finished();
	ok(await seen(() => document.querySelector('#view-note').textContent ===
		'1 metric'), 'a component is shown');
	is(await cell('on', '.value'), 'false', 'a change is newer than a late answer');
	await page.unroute(late);
}

async function changing() {
	put(event('boiler-1', '{"old":1}', Date.now() - 241000));
	await search('boiler-1');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await becomes('count', '.value', '.');
	is(await page.evaluate(() => document.activeElement.textContent), 'boiler-1',
		'keys choose a component, and its heading has the focus');
	is(await page.evaluate(() => location.hash), '#/boiler-1', 'it has a URL');
	is(await cell('count', '.value'), '13911860366432393', 'digits are kept');
	is(await cell('pressure', '.value'), '2.0', 'all of them');
	is(await cell('tiny', '.value'), '1E-400', 'and how it was written');
	is(await cell('state', '.value'), 'heating', 'a string');
	is(await cell('limits', '.value'), '{"low":1.0,"high":[1,2,{"x":3.0}]}',
		'an object');
	like(await cell('old', '.age'), /^4 min ago$/, 'an age, in words');
	await live();
	await flashes();
	const from = Date.now();
	put(event('boiler-1', '{"temperature":72.25}'));
	ok(await becomes('temperature', '.value', '^72.25$'), 'a value changes live');
	console.log(`# ${Date.now() - from} ms from dl-twin-put to the page`);
	like(await flashed(), /^flash/, 'and flashes');
	like(await cell('temperature', '.age'), /^(just now|\d+ s ago)$/, 'its age');
	for (const value of ['75.0', '71', '90.125'])
		put(event('boiler-1', `{"temperature":${value}}`));
	await becomes('temperature', '.value', '90.125');
	const drawn = await page.getAttribute('#view tbody svg', 'aria-label');
	like(drawn, /^\d values, from 71(\.5)? to 90.125, the last 90.125$/,
		'a line is drawn of what was seen');
	put(event('boiler-1', '{"new":"metric"}'));
	ok(await becomes('new', '.value', '^metric$'), 'a metric that is new');
	await page.selectOption('#stale', '60000');
	like(await cell('old', '.age'), /stale/, 'what is old is called stale');
	ok(!/stale/.test(await cell('new', '.age')), 'what is new is not');
	await accessible('component light');
	await page.selectOption('#stale', '5000');
	put(event('boiler-1', '{"new":"again"}'));
	await becomes('new', '.value', '^again$');
	ok(await becomes('new', '.age', '^[5-9] s agostale$'), 'it goes stale');
	await page.selectOption('#stale', '300000');
	await page.click('#pause');
	put(event('boiler-1', '{"new":"while paused"}'));
	await new Promise((resolve) => setTimeout(resolve, 300));
	is(await cell('new', '.value'), 'again', 'it can be paused');
	await page.click('#pause');
	ok(await becomes('new', '.value', '^while paused$'), 'and goes on');
}

async function reconnecting() {
	await killServer();
	ok(await seen(() => /Reconnecting/.test(
		document.querySelector('#link-text').textContent)),
	'that the server is away is said');
	like(await text('#link-more'), /^(in \d+ s|now)$/, 'and when it is tried');
	await accessible('offline');
	put(event('boiler-1', '{"temperature":33.5}'));
	await serve('--issue');
	ok(await live(), 'it comes back');
	ok(await becomes('temperature', '.value', '^33.5$'),
		'with what has changed meanwhile');

	await killServer();
	rmSync(`${process.env.DL_HOME}/twin`, { recursive: true });
	put(event('boiler-1', '{"temperature":1.0}'),
		event('boiler-1', '{"level":5}'));
	await serve('--issue');
	await page.evaluate(() => dispatchEvent(new Event('online')));
	ok(await becomes('level', '.value', '^5$'), 'another twin is noticed');
	is(await cell('temperature', '.value'), '1.0', 'its values are shown');
	is(await cell('pressure', '.value'), null, 'and those of the old are gone');
	await page.fill('#search', '');
	ok(await seen(() => document.querySelector('#list-note').textContent ===
		'1 component'), 'in the list too');
}

async function lineage() {
	await page.click('#view tbody th a >> text=level');
	await page.waitForSelector('dl');
	await seen(() => /\d/.test(
		document.querySelector('dl dd:last-of-type').textContent));
	const told = () => page.evaluate(() => Object.fromEntries(
		[...document.querySelectorAll('dl dt')].map((dt) =>
			[dt.textContent, dt.nextElementSibling.textContent])));
	const first = await told();
	is(first.Component, 'boiler-1', 'lineage: the component');
	is(first.Metric, 'level', 'the metric');
	is(first.Source, '/site/"b"', 'the source');
	is(first.Event, `e-${events}`, 'the event');
	like(first.Acquired, /^20.*Z \(2 s after it was measured\)$/, 'when acquired');
	like(first.Change, /^\d+$/, 'the number of its change');
	put(event('boiler-1', '{"level":6.50}'));
	ok(await seen(() => document.querySelector('pre').textContent === '6.50'),
		'a metric changes live');
	ok(Number((await told()).Change) > Number(first.Change),
		'and so does its lineage');
	await page.waitForSelector('svg.big');
	await accessible('metric light');
	await page.click('#theme');
	theme = await page.evaluate(() =>
		getComputedStyle(document.documentElement).colorScheme);
	is(theme, 'dark', 'dark, by its button');
	await accessible('metric dark');
	const long = `{"list":[${'1.50,'.repeat(3000)}7]}`;
	put(event('boiler-1', `{"level":${long}}`));
	await page.click('text=/Show all [0-9,]+ characters/');
	is((await text('pre')).replaceAll(/\s/g, ''), long, 'a long value, whole');
	await page.goBack();
	is(await text('#title'), 'boiler-1', 'back is where we came from');
	await accessible('component dark');
}

async function hostile() {
	const name = '<img src=x onerror=alert(1)>';
	put(event(name, '{"<script>alert(2)</script>":"<img src=x onerror=alert(3)>",' +
		'"a/b?c#d%20,":"x\\u202egnp.exe","..":1}'),
	event('..', '{".":5}'), event('a&b/ü%', '{"é":"\\ud83d\\ude00"}'));
	await search('<');
	await page.click('[role=option]');
	ok(await becomes('<script>alert(2)</script>', '.value',
		'^<img src=x onerror=alert\\(3\\)>$'), 'hostile names are text');
	is(await text('#title'), name, 'in the title too');
	is(await page.evaluate(() => document.querySelectorAll(
		'img, #app script, iframe').length), 0, 'nothing of them is an element');
	is(await cell('a/b?c#d%20,', '.value'), 'x\\u202egnp.exe',
		'what would turn the text around is seen');
	await page.click('text=a/b?c#d%20,');
	ok(await seen(() => document.querySelector('pre')?.textContent ===
		'"x\\u202egnp.exe"'), 'a metric of any name has a URL');
	await page.goBack();
	await page.click('#view tbody th a >> text=".."');
	ok(await seen(() => document.querySelector('pre')?.textContent === '1'),
		'of dots as well');
	await search('..');
	await page.click('[role=option]');
	ok(await becomes('.', '.value', '^5$'), 'a component of dots');
	await search('a&');
	await page.click('[role=option]');
	ok(await becomes('é', '.value', '^😀$'), 'one that looks like a URL');
	await page.evaluate(() => { location.hash = '#/no/such'; });
	ok(await seen(() => /no such metric/.test(
		document.querySelector('#view-note').textContent)),
	'what is not there is said');
	await page.evaluate(() => { location.hash = '#/%E0%A4%A'; });
	ok(await seen(() => document.querySelector('#title').textContent ===
		'Latest changes'), 'a URL that is none');
}

async function keyboard(token) {
	const keys = async (...all) => {
		for (const key of all) await page.keyboard.press(key);
	};
	// The URL changes before what it shows, which takes the focus.
	const at = (hash, title) => seen(([h, t]) => location.hash === h &&
		document.activeElement.id === 'title' &&
		document.activeElement.textContent === t, [hash, title]);
	await page.goto(`${url}#/`);
	await page.reload();
	await page.waitForSelector('#token', { state: 'visible' });
	await page.keyboard.type(token);
	await keys('Enter');
	await page.waitForSelector('[role=option]');
	await page.keyboard.type('boi');
	await seen(() => document.querySelectorAll('[role=option]').length === 1);
	await keys('ArrowDown', 'Enter');
	ok(await at('#/boiler-1', 'boiler-1'), 'keys alone: sign in, search, open');
	await becomes('level', '.value', '.');
	await keys('Tab', 'ArrowDown');
	is(await page.evaluate(() => document.activeElement.textContent),
		'temperature', 'arrows go from metric to metric');
	const outline = await page.evaluate(() =>
		getComputedStyle(document.activeElement).outlineStyle);
	is(outline, 'solid', 'the focus is seen');
	await keys('Enter');
	ok(await at('#/boiler-1/temperature', 'temperature'), 'Enter opens it');
	await keys('Escape');
	ok(await at('#/boiler-1', 'boiler-1'), 'Esc goes back');
	await keys('Escape');
	ok(await at('#/', 'Latest changes'), 'to all components');
	await page.click('#title');
	await keys('/');
	ok(await seen(() => document.activeElement.id === 'search'), '/ searches');
}

async function sizes() {
	await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'dark' });
	await page.goto(`${url}#/boiler-1`);
	await becomes('level', '.value', '.');
	await live();
	await flashes();
	put(event('boiler-1', '{"temperature":2.5}'));
	is(await flashed(), 'none', 'nothing moves for who wants that');
	await seen(() => document.querySelector('[data-flash]') === null);
	for (const [width, height] of [[320, 600], [550, 320]]) {
		await page.setViewportSize({ width, height });
		const wide = await page.evaluate(() => document.body.scrollWidth);
		ok(wide <= width, `no sideways scrolling at ${width} pixels`, wide);
	}
	await page.setViewportSize({ width: 320, height: 600 });
	await accessible('narrow component');
	await page.goto(`${url}#/`);
	await accessible('narrow list');
	await page.setViewportSize({ width: 1100, height: 700 });
}

async function refusedLater() {
	run('dl-token', ['new', '--rotate']);
	run('dl-token', ['retire', readFileSync(`${scratch}/kid`, 'utf8').trim()]);
	server.kill('SIGHUP');
	ok(await page.waitForSelector('#token', { state: 'visible' })
		.catch(() => false), 'a token that is good no more: sign in again');
	like(await text('#sign-in-why'), /^Sign in again: ./, 'and why');
	await signIn(mint('b'));
	ok(await page.waitForSelector('#view tbody tr').catch(() => false),
		'with another one');
	const changes = '**/v1/changes?**';
	const refuse = (route) => route.fulfill({ status: 403, body: '' });
	await page.route(changes, refuse);
	await killServer();
	await serve('--issue');
	ok(await page.waitForSelector('#token', { state: 'visible' })
		.catch(() => false), 'rights that are gone');
	like(await text('#sign-in-why'), /may not read/, 'are told');
	await page.unroute(changes, refuse);
	await signIn(mint('b'));
	await page.waitForSelector('#view tbody tr').catch(() => false);
	await page.click('#sign-out');
	ok(await page.isVisible('#token'), 'signed out');
	await killServer();
	await serve('--open');
	await page.goto(`${url}#/boiler-1`);
	await page.reload();
	ok(await becomes('level', '.value', '.'), 'an open server asks for no token');
}

// A component that comes while the names are on their way.
async function latecomer() {
	await page.route('**/v1/components?prefix=&**', async (route) => {
		const response = await route.fetch();
		await live();
		put(event('a-late-1', '{"x":1}'));
		await seen(() => /a-late-1/.test(
			document.querySelector('#view').textContent));
		await route.fulfill({ response });
	}, { times: 1 });
	await page.goto(`${url}#/`);
	await page.reload();
	await seen(() => /component/.test(
		document.querySelector('#list-note').textContent));
	ok(await seen(() => [...document.querySelectorAll('[role=option]')].some(
		(o) => o.textContent === 'a-late-1')),
	'what came while the list was loaded is in it');
}

// Something between us takes out what it does not know.
async function stripped() {
	let asked = 0;
	const strip = (route) => {
		const headers = { ...route.request().headers() };
		delete headers['last-event-id'];
		asked++;
		return route.continue({ headers });
	};
	await page.route('**/v1/changes?**', strip);
	await page.goto(`${url}#/`);
	await page.reload();
	await live();
	put(event('stripped', '{"x":1}'));
	ok(await seen(() => /stripped/.test(
		document.querySelector('#view').textContent)),
	'changes come without Last-Event-ID too');
	ok(asked <= 3, 'and the server is not asked on and on', asked);
	await page.unroute('**/v1/changes?**', strip);
}

async function under() {
	await page.route(`${url}**`, (route) => {
		const asked = route.request().url();
		const at = asked.replace('/twin/', '/');
		return at === asked ? route.abort() : route.continue({ url: at });
	});
	await page.goto(`${url}twin/#/boiler-1`);
	ok(await becomes('level', '.value', '.') && await live(),
		'a proxy may put it under a path');
}

/* ---- all of it --------------------------------------------------------- */

function fill() {
	const lines = [];
	for (let i = 0; i < 100000; i++) {
		const kind = i % 2 ? 'wagon' : 'tank';
		lines.push(event(`${kind}-${String(i).padStart(5, '0')}`,
			`{"speed":${i % 90}}`));
	}
	put(...lines);
	for (const name of ['axle', 'crane', 'zebra'])
		put(event(name, '{"on":true}'));
	put(event('boiler-1', '{"temperature":71.5,"pressure":2.0,' +
		'"count":13911860366432393,"tiny":1E-400,"state":"heating",' +
		'"limits":{"low":1.0,"high":[1,2,{"x":3.0}]},"alarm":null}'));
}

let browser;
try {
	fill();
	const token = mint('a');
	await serve('--issue');
	browser = await chromium.launch({ executablePath: '/usr/bin/chromium',
		args: flags });
	page = await browser.newPage({ viewport: { width: 1100, height: 700 },
		colorScheme: 'light' });
	await watch(page);
	for (const part of [signingIn, searching, overtaking, changing,
		reconnecting, lineage, hostile, keyboard, sizes, refusedLater,
		latecomer, stripped, under]) {
		const from = Date.now();
		await part(token);
		console.log(`# ${part.name}: ${Date.now() - from} ms`);
	}
	is(wrong.join('\n'), '', 'no error, no breach of the policy, no request' +
		' to anybody else');
} catch (e) {
	ok(false, 'it went to its end', e.stack);
	await shot('failed').catch(() => {});
} finally {
	await browser?.close().catch(() => {});
	if (server !== null && server.exitCode === null) await killServer();
}
console.log(`1..${tests}`);
process.exitCode = failures === 0 ? 0 : 1;
