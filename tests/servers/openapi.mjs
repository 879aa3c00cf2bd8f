// What the server answers, against what it says of itself in /openapi.json.
//
//	openapi.mjs URL READ WRITE ISSUE    tokens, and CLIENT:SECRET
//
// prints a line "ok NAME" or "not ok NAME: WHY" for each check.
import { Validator } from '@seriousme/openapi-schema-validator'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const [url, read, write, client] = process.argv.slice(2)
const say = (name, why) =>
	console.log(why ? `not ok ${name}: ${why}` : `ok ${name}`)

const text = await (await fetch(url + '/openapi.json')).text()
const doc = JSON.parse(text)
const valid = await new Validator().validate(JSON.parse(text))
say('a valid document of OpenAPI ' + doc.openapi,
	valid.valid ? '' : JSON.stringify(valid.errors))

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats(ajv)
ajv.addSchema({ $id: 'doc:', ...doc })

// A JSON pointer's escapes.
const point = s => s.replaceAll('~', '~0').replaceAll('/', '~1')
const follow = o => {
	while (o && o.$ref)
		o = o.$ref.slice(2).split('/').reduce((at, k) => at[k], doc)
	return o
}

const seen = new Set()

// The answer's status, type, headers and body are ones that path's method has.
async function check(path, target, options = {}, follows = false) {
	const method = (options.method ?? 'GET').toLowerCase()
	const operation = doc.paths[path][method === 'head' ? 'get' : method]
	const answer = await fetch(url + target, options)
	const name = `${method} ${target.slice(0, 60)}: ${answer.status}`
	seen.add(path)
	const where = String(answer.status)
	const responses = (operation ?? { responses: {} }).responses
	const response = follow(responses[where] ?? responses.default)
	let body = ''
	if (follows) {
		const reader = answer.body.getReader()
		body = new TextDecoder().decode((await reader.read()).value)
		await reader.cancel()
	} else {
		body = await answer.text()
	}
	if (!response)
		return say(name, 'no such response')
	if (!responses[where])
		return say(name, 'only as the default')
	for (const header of Object.keys(response.headers ?? {}))
		if (['X-Request-Id', 'Allow', 'WWW-Authenticate', 'Retry-After',
			'ETag'].includes(header) && !answer.headers.has(header))
			return say(name, `no ${header}`)
	if (method === 'head' || body === '')
		return say(name, '')
	const type = (answer.headers.get('Content-Type') ?? '').split(';')[0]
	const media = (response.content ?? {})[type]
	if (!media)
		return say(name, `${type} is not one of its types`)
	const schema = media.schema
	const value = /json$/.test(type) ? JSON.parse(body) : body
	const test = ajv.compile(schema.$ref
		? { $ref: 'doc:' + schema.$ref } : { ...schema })
	say(name, test(value) ? '' : JSON.stringify(test.errors))
}

const as = (token, more = {}) => ({
	...more,
	headers: { Authorization: `Bearer ${token}`, ...more.headers },
})
const post = (type, body, token = read) => as(token,
	{ method: 'POST', body, headers: { 'Content-Type': type } })
const one = '/v1/components/{c}'
const metric = '/v1/components/{c}/metrics/{m}'
const event = (id, data, more = {}) => JSON.stringify({ specversion: '1.0', id,
	source: 's', type: 'dl.observation', subject: 'made',
	time: '2024-05-01T10:00:00Z', data, ...more })

// Reading, well and badly.
await check('/v1/components', '/v1/components', as(read))
await check('/v1/components', '/v1/components?prefix=p&limit=1', as(read))
await check('/v1/components', '/v1/components?limit=1', as(read))
await check('/v1/components', '/v1/components?limit=0', as(read))
await check('/v1/components', '/v1/components')
await check('/v1/components', '/v1/components', as('x.y.z'))
await check('/v1/components', '/v1/components', as(write))
await check('/v1/components', '/v1/components', as(read, { method: 'HEAD' }))
await check(one, '/v1/components/pump-7', as(read))
await check(one, '/v1/components/pump-7?limit=1', as(read))
await check(one, '/v1/components/pump-7?metrics=bar,x', as(read))
await check(one, '/v1/components/none', as(read))
await check(metric, '/v1/components/pump-7/metrics/bar', as(read))
await check(metric, '/v1/components/pump-7/metrics/bar',
	as(read, { headers: { 'If-None-Match': '*' } }))
await check(metric, '/v1/components/pump-7/metrics/bar?max_age=1s', as(read))
await check(metric, '/v1/components/pump-7/metrics/bar?max_age=x', as(read))
await check('/v1/query', '/v1/query', post('application/json',
	'{"pairs":[{"component":"pump-7","metric":"bar"},{"component":"x","metric":"y"}]}'))
await check('/v1/query', '/v1/query', post('application/json', '{}'))
await check('/v1/query', '/v1/query', post('text/plain', '{}'))
await check('/v1/query', '/v1/query', post('application/json', 'x'.repeat(2e6)))
await check('/v1/changes', '/v1/changes?last_event_id=0&metric=bar', as(read),
	true)
await check('/v1/changes', '/v1/changes?last_event_id=x', as(read))

// Writing.
await check('/v1/events', '/v1/events', post('application/x-ndjson',
	event('e1', { a: 1, b: [2] }) + '\n' + event('e2', 3) + '\n' +
	event('e3', { a: 1 }, { time: '2999-01-01T00:00:00Z' }) + '\n{}\n', write))
await check('/v1/events', '/v1/events',
	post('application/cloudevents-batch+json', `[${event('e1', { a: 1 })}]`, write))
await check('/v1/events', '/v1/events',
	post('application/cloudevents+json', event('e4', { a: 0 }), write))
await check('/v1/events', '/v1/events', post('text/plain', 'x', write))
await check('/v1/events', '/v1/events', post('application/x-ndjson', '{}', read))

// The rest.
for (const path of ['/metrics', '/healthz', '/readyz', '/openapi.json', '/',
	'/page.js', '/page.css', '/favicon.ico', '/oauth2/jwks'])
	await check(path, path)
await check('/healthz', '/healthz?x')
await check('/metrics', '/metrics', { headers: { 'X-Forwarded-For': 'x' } })
const form = body => ({ method: 'POST', body, headers: {
	'Content-Type': 'application/x-www-form-urlencoded',
	Authorization: 'Basic ' + Buffer.from(client).toString('base64') } })
await check('/oauth2/token', '/oauth2/token', form('grant_type=client_credentials'))
await check('/oauth2/token', '/oauth2/token', form('grant_type=password'))
for (const path of Object.keys(doc.paths))
	if (!seen.has(path))
		say(path, 'was not asked')
