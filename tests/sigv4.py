#!/usr/bin/env python3
"""AWS Signature Version 4, from AWS's description of it and Python's hmac: what
our own is compared with.

    sigv4.py         for each line of standard input, a JSON object of texts in
                     hex, prints SIGNEDHEADERS SIGNATURE
    sigv4.py LOG KEY  for each line of an nginx log (tests/auth.t), whether the
                     signature in it is right by the secret KEY
"""
import hashlib
import hmac
import json
import re
import sys
from urllib.parse import quote, unquote_to_bytes


def canonical_path(path, service):
    if service.startswith(b's3'):
        return quote(unquote_to_bytes(path or b'/'), safe='/-_.~')
    segments = []
    for segment in path.split(b'/'):
        if segment == b'..':
            del segments[-1:]
        elif segment not in (b'', b'.'):
            segments.append(quote(segment, safe='-_.~'))
    tail = '/' if path.endswith(b'/') and segments else ''
    return '/' + '/'.join(segments) + tail


def canonical_query(query):
    def text(part):
        return quote(unquote_to_bytes(part.replace(b'+', b' ')), safe='-_.~')
    pairs = [part.partition(b'=') for part in query.split(b'&') if part]
    return '&'.join(f'{k}={v}' for k, v in
                    sorted((text(k), text(v)) for k, _, v in pairs))


def sign(method, path, query, headers, payload, time, region, service, secret):
    """headers: pairs of bytes, those alone that are signed."""
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(b' '.join(value.split()))
    names = b';'.join(sorted(values))
    request = b'\n'.join([
        method, canonical_path(path, service).encode(),
        canonical_query(query).encode(),
        b''.join(name + b':' + b','.join(values[name]) + b'\n'
                 for name in sorted(values)),
        names, payload])
    scope = b'/'.join([time[:8], region, service, b'aws4_request'])
    text = b'\n'.join([b'AWS4-HMAC-SHA256', time, scope,
                       hashlib.sha256(request).hexdigest().encode()])
    key = b'AWS4' + secret
    for part in (time[:8], region, service, b'aws4_request', text):
        key = hmac.new(key, part, hashlib.sha256).digest()
    return names, key.hex()


def from_stdin():
    for line in sys.stdin:
        r = {k: bytes.fromhex(v) for k, v in json.loads(line).items()}
        headers = [tuple(h.split(b':', 1)) for h in
                   r['headers'].split(b'\x00') if h]
        names, signature = sign(
            r['method'], r['path'], r['query'], headers, r['payload'],
            r['time'], r['region'], r['service'], r['secret'])
        print(names.decode('latin-1'), signature)


def from_log(path, secret):
    known = {b'host': 'host', b'x-amz-date': 'date',
             b'x-amz-content-sha256': 'payload',
             b'x-amz-security-token': 'token', b'x-key': 'key',
             b'accept': 'accept', b'content-type': 'type'}
    for line in open(path, encoding='utf-8'):
        r = json.loads(line)
        m = re.fullmatch(
            r'AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)'
            r'/aws4_request, SignedHeaders=(\S+), Signature=([0-9a-f]{64})',
            r['authorization'])
        if m is None:
            print('no signature')
            continue
        names = m[5].encode().split(b';')
        headers = [(n, r[known[n]].encode()) for n in names]
        uri, _, query = r['uri'].encode().partition(b'?')
        payload = hashlib.sha256(r['body'].encode()).hexdigest()
        _, want = sign(r['method'].encode(), uri, query, headers,
                       payload.encode(), r['date'].encode(), m[3].encode(),
                       m[4].encode(), secret.encode())
        print(m[1], m[3], m[4], m[5], 'right' if want == m[6] else 'wrong')


if len(sys.argv) == 3:
    from_log(sys.argv[1], sys.argv[2])
else:
    from_stdin()
