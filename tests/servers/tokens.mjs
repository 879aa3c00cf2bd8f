// Good and hostile tokens, made by npm's jose where it makes such things, and
// by node's own crypto where it would rather not.  By serve_tokens.t:
//
//	node tokens.mjs DIR
//
// DIR/jwks.json     the public keys, among others that are not to be used
// DIR/tokens        a line each: NAME, what is to be said of it (a regular
//                   expression of what tests/servers/bearer.c prints), TOKEN;
//                   tabs between them
//
// The issuer is https://issuer.example, the audience urn:dl.  What a hostile
// token is hostile by is under a good signature wherever it can be: else the
// signature would be what it is refused for.
import crypto from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { CompactEncrypt, SignJWT, UnsecuredJWT, exportJWK } from 'jose';

const dir = process.argv[2];
const issuer = 'https://issuer.example';
const audience = 'urn:dl';
const now = Math.floor(Date.now() / 1000);

const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
const digests = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };
const kids = {};
const keys = {};
for (const size of [256, 384, 512]) {
	const alg = `ES${size}`;
	keys[alg] = crypto.generateKeyPairSync('ec', {
		namedCurve: curves[alg],
	});
	kids[alg] = alg;
}
keys.RS256 = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
keys.EdDSA = crypto.generateKeyPairSync('ed25519');
kids.EdDSA = 'ed';
for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']) {
	keys[alg] = keys.RS256;
	kids[alg] = 'rsa';
}
const stranger = {
	RS256: crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
	ES256: crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
	EdDSA: crypto.generateKeyPairSync('ed25519'),
};
const small = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 });
const only = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const sealing = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const secp256k1 = crypto.generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const shared = crypto.randomBytes(32);
const leaked = crypto.generateKeyPairSync('ed25519');

const b64 = (bytes) => Buffer.from(bytes).toString('base64url');

function signBytes(alg, text, pair = keys[alg]) {
	const digest = digests[alg.slice(2)];
	const key = pair.privateKey;
	if (alg === 'EdDSA') return crypto.sign(null, text, key);
	if (alg.startsWith('ES'))
		return crypto.sign(digest, text, { key, dsaEncoding: 'ieee-p1363' });
	if (alg.startsWith('PS'))
		return crypto.sign(digest, text, {
			key,
			padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
			saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST,
		});
	return crypto.sign(digest, text, key);
}

const claims = (more = {}) => ({
	iss: issuer,
	aud: audience,
	sub: 'alice',
	iat: now,
	exp: now + 3600,
	scope: 'twin:read',
	...more,
});
const header = (alg = 'ES256', more = {}) => ({ alg, kid: kids[alg], ...more });

// Two texts (of JSON, mostly), signed as they are.
function rawText(head, payload, alg = 'ES256', pair = keys[alg]) {
	const text = `${b64(head)}.${b64(payload)}`;
	return `${text}.${b64(signBytes(alg, text, pair))}`;
}
const raw = (head, payload = claims(), alg = 'ES256', pair = keys[alg]) =>
	rawText(JSON.stringify(head), JSON.stringify(payload), alg, pair);

// Claims and header as texts in which something is put before the last brace.
const textOf = (object, more) =>
	JSON.stringify(object).replace(/}$/, `,${more}}`);

const jose = (alg, more = {}, head = {}, pair = keys[alg]) =>
	new SignJWT(claims(more))
		.setProtectedHeader({ alg, kid: kids[alg], ...head })
		.sign(pair.privateKey);

const hmac = (head, secret, alg = 'HS256') => {
	const text = `${b64(JSON.stringify({ ...head, alg }))}.${b64(
		JSON.stringify(claims()),
	)}`;
	const mac = crypto.createHmac(digests[alg.slice(2)], secret).update(text);
	return `${text}.${mac.digest('base64url')}`;
};

const lines = [];
const names = new Set();
function add(name, want, token) {
	if (names.has(name)) throw new Error(`twice: ${name}`);
	names.add(name);
	lines.push(`${name}\t${want}\t${token}`);
}
const good = (name, token, want = '^OK alice r$') => add(name, want, token);
const bad = (name, why, token) => add(name, `^REFUSED .*(${why})`, token);

for (const alg of Object.keys(keys)) good(`good ${alg}`, await jose(alg));
for (const typ of ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])
	good(`typ ${typ}`, await jose('ES256', {}, { typ }));
good('no kid', await jose('PS256', {}, { kid: undefined }));
good('aud is a list', await jose('EdDSA', { aud: ['urn:other', audience] }));
good('exp is a fraction', await jose('EdDSA', { exp: now + 60.5 }));
good('exp with an exponent', rawText(
	JSON.stringify(header()),
	textOf({ ...claims(), exp: undefined }, `"exp":${now + 60}00e-2`)));
good('expired, within the leeway', await jose('EdDSA', { exp: now - 30 }));
good('not yet, within the leeway', await jose('EdDSA', { nbf: now + 30 }));
good('names with escapes', rawText(
	`{"\\u0061lg":"ES256","ki\\u0064":"ES25\\u0036"}`,
	JSON.stringify(claims()).replace('"iss"', '"\\u0069ss"')));
good('what nobody knows in the header',
	await jose('ES256', {}, { nonsense: { a: [1] } }));
good('client_id alone', raw(header(), {
	...claims(), sub: undefined, client_id: 'app' }), '^OK app r$');
good('azp alone', raw(header(), {
	...claims(), sub: undefined, azp: 'app' }), '^OK app r$');
good('a subject of control characters', raw(header(),
	claims({ sub: 'a\n\u001b[2J\\\u009b' })),
	'^OK a\\\\x0a\\\\x1b\\[2J\\\\x5c\\\\xc2\\\\x9b r$');
good('no right', raw(header(), claims({ scope: 'openid' })), '^OK alice -$');
good('both rights', raw(header(), claims({ scope: 'twin:write x twin:read' })),
	'^OK alice rw$');

// No signature.
bad('alg none by jose', 'three parts', new UnsecuredJWT(claims()).encode());
for (const alg of ['none', 'None', 'NONE', 'nOnE', '', ' ES256', 'ES256 ',
	'es256', 'HS256', 'ES256K', 'ES256\0', 'RSA-OAEP'])
	bad(`alg ${JSON.stringify(alg)}`, 'algorithm',
		raw({ ...header(), alg }));
bad('alg none with a signature that is nothing', 'three parts|base64url',
	`${b64('{"alg":"none"}')}.${b64(JSON.stringify(claims()))}.`);
bad('alg is a list', "'alg'", raw({ ...header(), alg: ['ES256'] }));
bad('alg is null', "'alg'", raw({ ...header(), alg: null }));
bad('no alg', 'algorithm', raw({ kid: 'ES256' }));

// A public key taken for a secret.
for (const alg of ['RS256', 'ES256', 'EdDSA']) {
	const pub = keys[alg].publicKey;
	const jwk = await exportJWK(pub);
	const secrets = {
		'PEM': pub.export({ type: 'spki', format: 'pem' }),
		'PEM without its newline':
			pub.export({ type: 'spki', format: 'pem' }).trim(),
		'DER': pub.export({ type: 'spki', format: 'der' }),
		'JWK': JSON.stringify(jwk),
		'n or x': Buffer.from(jwk.n ?? jwk.x, 'base64url'),
	};
	if (alg === 'RS256')
		secrets['PKCS1'] = pub.export({ type: 'pkcs1', format: 'pem' });
	for (const [form, secret] of Object.entries(secrets))
		for (const hs of ['HS256', 'HS384', 'HS512'])
			bad(`${hs} by the ${form} of ${alg}`, 'algorithm',
				hmac(header(alg), secret, hs));
}
bad('HS256 by a secret of the key set', 'algorithm',
	hmac({ kid: 'shared' }, shared));

// A key for something else.
bad('ES256 that names the RSA key', 'not known',
	raw(header('ES256', { kid: 'rsa' })));
bad('RS256 that names the key of ES256', 'not known',
	raw(header('RS256', { kid: 'ES256' }), claims(), 'RS256'));
bad('ES384 by the key of ES256', 'not known',
	raw({ alg: 'ES384', kid: 'ES256' }, claims(), 'ES256'));
bad('ES256 by the key of P-384', 'not known',
	raw({ alg: 'ES256', kid: 'ES384' }, claims(), 'ES384'));
bad('ES256 by a key of secp256k1', 'signature',
	raw(header(), claims(), 'ES256', secp256k1));
bad('EdDSA that names the key of ES256', 'not known',
	raw({ alg: 'EdDSA', kid: 'ES256' }, claims(), 'EdDSA'));
bad('PS256 said of RS256', 'signature',
	raw(header('PS256'), claims(), 'RS256'));
bad('RS256 said of PS256', 'signature',
	raw(header('RS256'), claims(), 'PS256'));
bad('RS512 said of RS256', 'signature',
	raw(header('RS512'), claims(), 'RS256'));
bad('a key of 1024 bits', 'not known',
	raw({ alg: 'RS256', kid: 'small' }, claims(), 'RS256', small));
bad('a key for RS512 alone', 'not known',
	raw({ alg: 'RS256', kid: 'only' }, claims(), 'RS256', only));
good('the same for RS512',
	raw({ alg: 'RS512', kid: 'only' }, claims(), 'RS512', only));
bad('a key for encryption', 'not known',
	raw({ alg: 'ES256', kid: 'sealing' }, claims(), 'ES256', sealing));
bad('a key that was published with its secret', 'not known',
	raw({ alg: 'EdDSA', kid: 'leaked' }, claims(), 'EdDSA', leaked));
for (const alg of Object.keys(stranger))
	bad(`${alg} by a stranger's key`, 'signature',
		raw(header(alg), claims(), alg, stranger[alg]));
bad('ES256 by a stranger, without kid', 'signature',
	raw({ alg: 'ES256' }, claims(), 'ES256', stranger.ES256));
bad("another key's kid", 'not known', raw(header('ES256', { kid: 'ed' })));

// Keys that the token itself brings.
const own = await exportJWK(stranger.ES256.publicKey);
const brings = {
	jwk: { ...own, kid: 'ES256' },
	jku: 'http://127.0.0.1:1/jwks.json',
	x5u: 'http://127.0.0.1:1/cert.pem',
	x5c: [stranger.ES256.publicKey
		.export({ type: 'spki', format: 'der' }).toString('base64')],
};
for (const [name, value] of Object.entries(brings)) {
	bad(`${name} of a stranger`, 'signature', raw(
		header('ES256', { [name]: value }), claims(), 'ES256',
		stranger.ES256));
	bad(`${name} of a stranger, without kid`, 'signature', raw(
		{ alg: 'ES256', [name]: value }, claims(), 'ES256',
		stranger.ES256));
	good(`${name} that is not looked at`,
		raw(header('ES256', { [name]: value })));
}

// What kid may be.
const kidTexts = ['../../../../dev/null', '/dev/null', "ES256' OR '1'='1",
	"x' UNION SELECT 'secret' --", '|id', 'ES256\0', '\0', '', 'es256',
	'ES256 ', 'https://evil.example/key', '%00', '$(id)', '\u202eES256'];
for (const kid of kidTexts)
	bad(`kid ${JSON.stringify(kid)}`, 'not known', raw(header('ES256', { kid })));
bad('kid of 256 bytes', 'not known',
	raw(header('ES256', { kid: 'k'.repeat(256) })));
bad('kid of 257 bytes', "'kid' is longer",
	raw(header('ES256', { kid: 'k'.repeat(257) })));
for (const kid of [7, null, ['ES256'], { a: 1 }, true])
	bad(`kid ${JSON.stringify(kid)}`, "'kid' is not a string",
		raw(header('ES256', { kid })));

// What header members may not be there, or not be so.
bad('crit', "'crit'", raw(header('ES256', { crit: ['exp'], exp: now + 9 })));
bad('crit that is empty', "'crit'", raw(header('ES256', { crit: [] })));
bad('crit of nothing known', "'crit'",
	raw(header('ES256', { crit: ['x'], x: 1 })));
bad('b64 is false, by crit', "'(b64|crit)'",
	raw(header('ES256', { b64: false, crit: ['b64'] })));
bad('b64 is false', "'b64'", raw(header('ES256', { b64: false })));
bad('zip', "'zip'", raw(header('ES256', { zip: 'DEF' })));
bad('cty', "'cty'", raw(header('ES256', { cty: 'JWT' })));
for (const typ of ['dpop+jwt', 'logout+jwt', 'secevent+jwt', 'JWE', '', 'JWS',
	'at+jwt ', 'application/', 'at+jwt\0'])
	bad(`typ ${JSON.stringify(typ)}`, "'typ'", raw(header('ES256', { typ })));
bad('typ is a number', "'typ'", raw(header('ES256', { typ: 1 })));

// Claims.
const claim = (name, why, more, drop = []) => {
	const c = claims(more);
	for (const d of drop) delete c[d];
	bad(name, why, raw(header(), c));
};
const text = (name, why, drop, more) => {
	const c = claims();
	for (const d of drop) delete c[d];
	bad(name, why, rawText(JSON.stringify(header()), textOf(c, more)));
};
claim('expired', 'expired', { exp: now - 90 });
claim('expired long ago', 'expired', { exp: 0 });
claim('no exp', "no 'exp'", {}, ['exp']);
claim('exp is a string', "'exp' is not a number", { exp: `${now + 60}` });
claim('exp is null', "'exp' is not a number", { exp: null });
claim('exp is true', "'exp' is not a number", { exp: true });
claim('exp is a list', "'exp' is not a number", { exp: [now + 60] });
claim('exp is negative', "'exp' is not a time", { exp: -1 });
text('exp is 1e999', "'exp' is not a time", ['exp'], '"exp":1e999');
text('exp is -1e999', "'exp' is not a time", ['exp'], '"exp":-1e999');
text('exp is over 2^53', "'exp' is not a time", ['exp'],
	'"exp":9007199254740994');
text('exp is NaN', 'not JSON', ['exp'], '"exp":NaN');
text('exp is Infinity', 'not JSON', ['exp'], '"exp":Infinity');
text('exp is octal', 'not JSON', ['exp'], `"exp":0${now + 60}`);
text('exp is hexadecimal', 'not JSON', ['exp'], '"exp":0x7fffffff');
claim('not yet', "'nbf'", { nbf: now + 90 });
claim('nbf is a string', "'nbf'", { nbf: '0' });
claim('of the future', "'iat'", { iat: now + 90 });
claim('iat is a string', "'iat'", { iat: `${now}` });
text('nbf is 1e999', "'nbf'", [], '"nbf":1e999');
for (const aud of ['urn:other', 'urn:dl ', 'URN:DL', 'urn:d', 'urn:dlx', '',
	'urn:dl\0', 'urn:dl urn:other'])
	claim(`aud ${JSON.stringify(aud)}`, "'aud'", { aud });
claim('aud is an empty list', "'aud'", { aud: [] });
claim('aud is a list of others', "'aud'", { aud: ['urn:other', 'x'] });
claim('aud is a list in a list', "'aud'", { aud: [['urn:dl']] });
claim('aud has what is no string', "'aud'", { aud: ['urn:dl', 1] });
claim('aud is an object', "'aud'", { aud: { 'urn:dl': true } });
claim('no aud', "'aud'", {}, ['aud']);
for (const iss of ['https://issuer.example/', 'https://issuer.exampl',
	'http://issuer.example', 'https://ISSUER.example', '',
	'https://issuer.example\0'])
	claim(`iss ${JSON.stringify(iss)}`, "'iss'", { iss });
claim('iss is a list', "'iss'", { iss: [issuer] });
claim('no iss', "'iss'", {}, ['iss']);
claim('nobody', "no 'sub'", {}, ['sub']);
claim('sub is empty', "'sub'", { sub: '' });
claim('sub is a number', "'sub'", { sub: 1 });
claim('sub of 256 bytes', "'sub'", { sub: 's'.repeat(256) });
good('sub of 255 bytes', raw(header(), claims({ sub: 's'.repeat(255) })),
	'^OK s{255} r$');
claim('bound to a key', "'cnf'", { cnf: { jkt: 'x' } });

// Names that are there twice.
text('aud twice', 'not JSON', [], `"aud":"${audience}"`);
text('exp twice', 'not JSON', [], `"exp":${now + 60}`);
text('iss twice, once escaped', 'not JSON', [], `"\\u0069ss":"${issuer}"`);
text('scope twice', 'not JSON', [], '"scope":"twin:write"');
text('a claim in a claim twice', 'not JSON', [], '"a":{"b":1,"\\u0062":2}');
bad('alg twice', 'not JSON', rawText(
	'{"alg":"none","alg":"ES256","kid":"ES256"}', JSON.stringify(claims())));
bad('alg twice, once escaped', 'not JSON', rawText(
	'{"alg":"ES256","a\\u006cg":"none","kid":"ES256"}',
	JSON.stringify(claims())));
bad('kid twice', 'not JSON', rawText(
	'{"alg":"ES256","kid":"x","kid":"ES256"}', JSON.stringify(claims())));

// JSON that is none, or no object.
const head = JSON.stringify(header());
const body = JSON.stringify(claims());
for (const [name, h, p] of [
	['header is a space', ' ', body], ['header is a list', `[${head}]`, body],
	['header is a string', '"ES256"', body], ['header is null', 'null', body],
	['header is cut', head.slice(0, -1), body],
	['header with more after it', `${head}{}`, body],
	['header with a byte order mark', `\ufeff${head}`, body],
	['header in UTF-16', Buffer.from(head, 'utf16le'), body],
	['payload is a list', head, `[${body}]`], ['payload is null', head, 'null'],
	['payload is cut', head, body.slice(0, -1)],
	['payload with more after it', head, `${body} {}`],
	['payload with a comment', head, body.replace('{', '{/**/')],
	['payload with a lone surrogate', head,
		body.replace('alice', '\\ud800')],
	['payload of broken UTF-8', head,
		Buffer.from(body.replace('alice', '\xff'), 'latin1')],
	['payload of overlong UTF-8', head,
		Buffer.from(body.replace('alice', '\xc0\xaf'), 'latin1')],
	['payload too deep', head, textOf(claims(),
		`"a":${'['.repeat(600)}${']'.repeat(600)}`)],
	['payload text', head, 'hello'],
])
	bad(name, 'JSON|names no algorithm', rawText(h, p));

// base64url, and what looks like it.
const token = await jose('ES256');
const [one, two, three] = token.split('.');
for (const [i, name] of ['header', 'payload', 'signature'].entries()) {
	const parts = [one, two, three];
	const put = (t) => parts.map((p, k) => (k === i ? t : p)).join('.');
	const why = i === 2 ? 'signature' : 'base64url|JSON';
	bad(`${name} with padding`, why, put(`${parts[i]}=`));
	bad(`${name} with more padding`, why, put(`${parts[i]}==`));
	bad(`${name} with a space`, why, put(`${parts[i]} `));
	bad(`${name} with a space in it`, why,
		put(`${parts[i].slice(0, 8)} ${parts[i].slice(8)}`));
	bad(`${name} with a carriage return`, why, put(`${parts[i]}\r`));
	bad(`${name} with +`, why, put(`+${parts[i]}`));
	bad(`${name} with /`, why, put(`${parts[i]}/`));
	bad(`${name} with %`, why, put(`${parts[i]}%3d`));
	bad(`${name} with a NUL`, why, put(`${parts[i]}\0`));
	bad(`${name} with a byte over 127`, why, put(`${parts[i]}\xe9`));
	bad(`${name} is empty`, 'three parts', put(''));
	for (let n = 1; n < parts[i].length; n += n < 4 ? 1 : 37)
		bad(`${name} cut to ${n}`, `${why}|names no`,
			put(parts[i].slice(0, n)));
}
// A text whose last character carries bits that nobody reads.
const loose = (t) => {
	const abc =
		'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
	return t.slice(0, -1) + abc[abc.indexOf(t.at(-1)) ^ 1];
};
const ed = await jose('EdDSA');
bad('signature with stray bits', 'signature', loose(ed));
for (const alg of ['ES256', 'EdDSA', 'RS256']) {
	const [h, p, s] = (await jose(alg)).split('.');
	bad(`${alg}: signature in hexadecimal`, 'signature',
		`${h}.${p}.${Buffer.from(s, 'base64url').toString('hex')}`);
}
for (let n = 0; n < token.length; n += 23)
	bad(`cut to ${n} bytes`, 'three parts|JSON|base64url|signature',
		n === 0 ? '.' : token.slice(0, n));
bad('one dot more', 'three parts', `${token}.`);
bad('a dot before it', 'three parts', `.${token}`);
bad('four parts', 'three parts', `${token}.${three}`);
bad('two parts', 'three parts', `${one}.${two}`);
bad('dots alone', 'three parts', '..');
bad('many dots', 'three parts', '.'.repeat(8000));
bad('with its scheme', 'base64url', `Bearer ${token}`);
bad('in JSON', 'three parts|base64url', JSON.stringify({
	payload: two, protected: one, signature: three }));
bad('two tokens', 'three parts', `${token},${token}`);

// Signatures.
const parts = (t) => t.split('.');
const [h2, p2, s2] = parts(await jose('ES256', { sub: 'bob' }));
bad("another token's signature", 'signature is wrong', `${one}.${two}.${s2}`);
bad("another token's payload", 'signature is wrong', `${one}.${p2}.${three}`);
bad("another algorithm's signature", 'signature is wrong',
	`${one}.${two}.${parts(ed)[2]}`);
good('what they were made for', `${h2}.${p2}.${s2}`, '^OK bob r$');
const order = {
	ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
};
const withSignature = (alg, bytes) =>
	`${b64(JSON.stringify(header(alg)))}.${b64(body)}.${b64(bytes)}`;
for (const [alg, size] of [['ES256', 64], ['ES384', 96], ['ES512', 132],
	['EdDSA', 64], ['RS256', 256], ['PS256', 256]]) {
	bad(`${alg}: a signature of zeros`, 'signature is wrong',
		withSignature(alg, Buffer.alloc(size)));
	bad(`${alg}: a signature of ones`, 'signature is wrong',
		withSignature(alg, Buffer.alloc(size, 255)));
	const made = signBytes(alg,
		`${b64(JSON.stringify(header(alg)))}.${b64(body)}`);
	bad(`${alg}: one byte more`, 'signature is wrong',
		withSignature(alg, Buffer.concat([made, Buffer.alloc(1)])));
	bad(`${alg}: a zero before it`, 'signature is wrong',
		withSignature(alg, Buffer.concat([Buffer.alloc(1), made])));
	bad(`${alg}: one byte less`, 'signature is wrong',
		withSignature(alg, made.subarray(0, size - 1)));
	const bent = Buffer.from(made);
	bent[size - 1] ^= 1;
	bad(`${alg}: one bit changed`, 'signature is wrong',
		withSignature(alg, bent));
	good(`${alg}: as it was made`, withSignature(alg, made));
}
const half = Buffer.from(order.ES256, 'hex');
bad('ES256: r and s are the order', 'signature is wrong',
	withSignature('ES256', Buffer.concat([half, half])));
bad('ES256: r is 1, s is 0', 'signature is wrong', withSignature('ES256',
	Buffer.concat([Buffer.alloc(31), Buffer.from([1]), Buffer.alloc(32)])));
bad('ES256: in DER', 'signature is wrong', withSignature('ES256', crypto.sign(
	'sha256', `${b64(JSON.stringify(header()))}.${b64(body)}`,
	keys.ES256.privateKey)));

// Encrypted, nested.
const jwe = await new CompactEncrypt(Buffer.from(token))
	.setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT' })
	.encrypt(sealing.publicKey);
bad('encrypted (JWE)', 'three parts', jwe);
bad('a token in a token', "'cty'|JSON", rawText(
	JSON.stringify(header('ES256', { cty: 'JWT' })), token));
bad('a token in a token, unsaid', 'JSON', rawText(head, token));

// Sizes.
const pad = (n) => raw(header(), claims({ pad: 'x'.repeat(n) }));
let n = 5000;
while (pad(n).length < 8192) n++;
while (pad(n).length > 8192) n--;
good('8192 bytes, or nearly', pad(n));
bad('a little too long', 'longer than 8192', pad(n + 3));
bad('a megabyte', 'longer than 8192', pad(1 << 20));
bad('a megabyte of A', 'longer than 8192', 'A'.repeat(1 << 20));

const jwk = async (key, kid, more) => ({
	...(await exportJWK(key)),
	kid,
	...more,
});
const pub = async (pair, kid, more) => jwk(pair.publicKey, kid, more);
writeFileSync(`${dir}/jwks.json`, JSON.stringify({
	keys: [
		{ kty: 'oct', k: b64(shared), kid: 'shared' },
		await pub(small, 'small'),
		await pub(only, 'only', { alg: 'RS512' }),
		await pub(sealing, 'sealing', { use: 'enc' }),
		await jwk(leaked.privateKey, 'leaked'),
		{ kty: 'EC', crv: 'P-256', x: b64(Buffer.alloc(32, 1)),
			y: b64(Buffer.alloc(32, 2)), kid: 'off the curve' },
		{ kty: 'RSA', n: 'AQAB', kid: 'no e' },
		'not an object',
		await pub(keys.RS256, 'rsa', { use: 'sig' }),
		await pub(keys.ES256, 'ES256', { alg: 'ES256' }),
		await pub(keys.ES384, 'ES384', { key_ops: ['verify'] }),
		await pub(keys.ES512, 'ES512'),
		await pub(keys.EdDSA, 'ed', { use: 'sig', alg: 'EdDSA' }),
	],
}));
writeFileSync(`${dir}/tokens`, lines.map((l) => `${l}\n`).join(''), 'latin1');
