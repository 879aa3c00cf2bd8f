// A real OpenID provider (npm's oidc-provider) on loopback, for tests: it gives
// out access tokens of RFC 9068 for client credentials.  By oidc.sh:
//
//	node oidc.mjs [PORT]      0: any free one; prints its number
//
// Clients reader, writer and yard, with the secret "secret" each (Basic or in
// the body), for the audience urn:dl and the scopes twin:read and twin:write
// (yard: twin:read alone, and claim role: "yard").  NAME-ALG signs with RS256,
// ES256 or EdDSA, NAME with RS256.
//
//	GET /count        how often its keys were asked for
//	SIGHUP            new keys, which sign; the old are still published
//	SIGUSR1           new keys, and the old are gone
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const algorithms = ['RS256', 'ES256', 'EdDSA'];
const scopes = {
	reader: 'twin:read',
	writer: 'twin:read twin:write',
	yard: 'twin:read',
};

async function newKeys() {
	return Promise.all(
		algorithms.map(async (alg) => {
			const pair = await generateKeyPair(alg, {
				extractable: true,
				crv: alg === 'EdDSA' ? 'Ed25519' : undefined,
			});
			const jwk = await exportJWK(pair.privateKey);
			return { ...jwk, alg, use: 'sig', kid: randomUUID() };
		}),
	);
}

function clients() {
	return Object.keys(scopes).flatMap((name) =>
		['', ...algorithms].map((alg) => ({
			client_id: alg ? `${name}-${alg}` : name,
			client_secret: 'secret',
			grant_types: ['client_credentials'],
			redirect_uris: [],
			response_types: [],
			scope: scopes[name],
			signs: alg || 'RS256',
			...(name === 'yard' ? { role: 'yard' } : {}),
		})),
	);
}

// The first key of an algorithm signs.
function provider(issuer, keys) {
	return new Provider(issuer, {
		clients: clients(),
		extraClientMetadata: { properties: ['signs', 'role'] },
		clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
		cookies: { keys: [randomUUID()] },
		jwks: { keys },
		scopes: ['twin:read', 'twin:write'],
		extraTokenClaims: (ctx, token) => ({ role: token.client.role }),
		features: {
			devInteractions: { enabled: false },
			clientCredentials: { enabled: true },
			resourceIndicators: {
				enabled: true,
				defaultResource: () => 'urn:dl',
				useGrantedResource: () => true,
				getResourceServerInfo: (ctx, resource, client) => ({
					scope: client.scope,
					audience: resource,
					accessTokenTTL: 300,
					accessTokenFormat: 'jwt',
					jwt: { sign: { alg: client.signs } },
				}),
			},
		},
	}).callback();
}

let keys = await newKeys();
let answer;
let asked = 0;
const server = createServer((req, res) => {
	if (req.url === '/count') {
		res.end(`${asked}\n`);
		return;
	}
	if (req.url === '/jwks') asked++;
	answer(req, res);
});

server.listen(+(process.argv[2] ?? 0), '127.0.0.1', () => {
	const { port } = server.address();
	const renew = async (kept) => {
		keys = [...(await newKeys()), ...kept];
		answer = provider(`http://127.0.0.1:${port}`, keys);
		console.log(port);
	};
	answer = provider(`http://127.0.0.1:${port}`, keys);
	process.on('SIGHUP', () => renew(keys));
	process.on('SIGUSR1', () => renew([]));
	console.log(port);
});
