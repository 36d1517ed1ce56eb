#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes usage_oracle.inc: made-up answers of every vendor, and what the public extractor definitions of genai-prices
# (MIT; each entry's `extractors`) count in them. Their paths and destinations are applied here as published; nothing
# of ours has a part in it. Run: ./usage_oracle.py PATH/genai-prices/data.json > usage_oracle.inc
import json, random, sys

rnd = random.Random(61)
DATA = {p['id']: p for p in json.load(open(sys.argv[1]))}

def put(body, path, value):
    for i, step in enumerate(path[:-1]):
        if isinstance(path[i + 1], dict):
            body = body.setdefault(step, [])
        elif isinstance(step, dict):
            want = step['match']['equals']
            found = next((e for e in body if e['modality'] == want), None)
            if found is None:
                found = {'modality': want}
                body.append(found)
            body = found
        else:
            body = body.setdefault(step, {})
    body[path[-1]] = value

def get(body, path):
    for step in path:
        if isinstance(step, dict):
            body = next((e for e in (body or []) if e['modality'] == step['match']['equals']), None)
        else:
            body = body.get(step) if body else None
        if body is None:
            return 0
    return body

def aslist(p):
    return p if isinstance(p, list) else [p]

def n(lo, hi):
    return rnd.randrange(lo, hi)

def fill(flavor, root_body):
    """Numbers that a vendor could state: parts inside their wholes."""
    u = root_body
    big, cached, extra, out = n(3000, 90000), n(0, 1000), n(0, 900), n(500, 4000)
    if flavor in ('chat',):
        u.update(prompt_tokens=big, completion_tokens=out, prompt_tokens_details={'cached_tokens': cached, 'audio_tokens': n(0, 500)},
                 completion_tokens_details={'reasoning_tokens': n(0, 200), 'audio_tokens': n(0, 200)})
        u['total_tokens'] = big + out
    elif flavor == 'xai':
        r = n(0, 5000)
        u.update(prompt_tokens=big, completion_tokens=out, prompt_tokens_details={'cached_tokens': cached},
                 completion_tokens_details={'reasoning_tokens': r})
        u['total_tokens'] = big + out + r
    elif flavor == 'responses':
        u.update(input_tokens=big, output_tokens=out, input_tokens_details={'cached_tokens': cached, 'cache_write_tokens': extra},
                 output_tokens_details={'reasoning_tokens': n(0, 400)})
        u['total_tokens'] = big + out
    elif flavor == 'embeddings':
        u.update(prompt_tokens=big, total_tokens=big)
    elif flavor == 'images':
        t = n(0, 2000)
        u.update(input_tokens=t + extra, input_tokens_details={'text_tokens': t, 'image_tokens': extra}, output_tokens=out + 7,
                 output_tokens_details={'text_tokens': 7, 'image_tokens': out}, total_tokens=t + extra + out + 7)
    elif flavor == 'realtime':
        ct, ca, t, a = n(0, 50), n(0, 50), n(50, 500), n(50, 500)
        o, s = n(0, 300), n(0, 300)
        u.update(input_tokens=t + a, input_token_details={'text_tokens': t, 'audio_tokens': a, 'image_tokens': 0, 'cached_tokens': ct + ca,
                 'cached_tokens_details': {'text_tokens': ct, 'audio_tokens': ca, 'image_tokens': 0}},
                 output_tokens=o + s, output_token_details={'text_tokens': o, 'audio_tokens': s}, total_tokens=t + a + o + s)
    elif flavor == 'anthropic':
        five, hour = n(0, 700), n(0, 700)
        u.update(input_tokens=big, cache_read_input_tokens=cached, cache_creation_input_tokens=five + hour,
                 cache_creation={'ephemeral_5m_input_tokens': five, 'ephemeral_1h_input_tokens': hour}, output_tokens=out,
                 output_tokens_details={'thinking_tokens': n(0, 400)}, server_tool_use={'web_search_requests': n(0, 5)})
    elif flavor == 'bedrock':
        u.update(inputTokens=big, outputTokens=out, cacheReadInputTokens=cached, cacheWriteInputTokens=extra,
                 totalTokens=big + out + cached + extra)
    elif flavor == 'google':
        text, audio, image, video = n(100, 5000), n(0, 500), n(0, 500), n(0, 500)
        ct, ca, ci = n(0, 100), n(0, audio + 1), n(0, image + 1)
        tool, thoughts, ot, oi = n(0, 50), n(0, 900), n(1, 400), n(0, 400)
        M = lambda **kw: [{'modality': k, 'tokenCount': v} for k, v in kw.items()]
        u.update(promptTokenCount=text + audio + image + video, cachedContentTokenCount=ct + ca + ci, toolUsePromptTokenCount=tool,
                 candidatesTokenCount=ot + oi, thoughtsTokenCount=thoughts,
                 totalTokenCount=text + audio + image + video + tool + thoughts + ot + oi,
                 promptTokensDetails=M(TEXT=text, AUDIO=audio, IMAGE=image, VIDEO=video),
                 cacheTokensDetails=M(TEXT=ct, AUDIO=ca, IMAGE=ci), toolUsePromptTokensDetails=M(TEXT=tool),
                 candidatesTokensDetails=M(TEXT=ot, IMAGE=oi))
    elif flavor == 'cohere':
        u.update(input_tokens=big, output_tokens=out)

CASES = [  # our shape, provider, api_flavor, how to fill
    ('OPENAI_CHAT', 'openai', 'chat', 'chat'), ('OPENAI_CHAT', 'azure', 'chat', 'chat'), ('OPENAI_CHAT', 'groq', 'default', 'chat'),
    ('OPENAI_CHAT', 'openrouter', 'chat', 'chat'), ('OPENAI_CHAT', 'fireworks', 'chat', 'chat'), ('OPENAI_CHAT', 'moonshotai', 'chat', 'chat'),
    ('OPENAI_RESPONSES', 'openai', 'responses', 'responses'), ('OPENAI_EMBEDDINGS', 'openai', 'embeddings', 'embeddings'),
    ('OPENAI_IMAGES', 'openai', 'images', 'images'), ('OPENAI_REALTIME', 'openai', 'realtime', 'realtime'),
    ('ANTHROPIC', 'anthropic', 'default', 'anthropic'), ('ANTHROPIC', 'minimax', 'default', 'anthropic'),
    ('GEMINI', 'google', 'default', 'google'), ('BEDROCK', 'aws', 'default', 'bedrock'), ('BEDROCK_ANTHROPIC', 'aws', 'anthropic', 'anthropic'),
    ('MISTRAL', 'mistral', 'default', 'chat'), ('COHERE', 'cohere', 'default', 'cohere'), ('XAI', 'x-ai', 'chat', 'xai'),
    ('DEEPSEEK', 'deepseek', 'chat', 'chat'),
]
for shape, provider, flavor, how in CASES:
    ex = next(e for e in DATA[provider]['extractors'] if e['api_flavor'] == flavor)
    for _ in range(6):
        body, root = {}, {}
        fill(how, root)
        put(body, aslist(ex['root']), root)
        sums = {}
        for m in ex['mappings']:
            v = get(root, aslist(m['path']))
            sums[m['dest']] = sums.get(m['dest'], 0) + v
        if ex['model_path'] and how != 'realtime':
            body[ex['model_path'] if isinstance(ex['model_path'], str) else ex['model_path'][0]] = 'some-model'
        dests = {m['dest'] for m in ex['mappings']}
        g = lambda k: sums[k] if k in dests else -1
        writes = g('cache_write_tokens')
        print('{SHAPE_%s, %s, %d, %d, %d, %d, %d, %d, %d, %d},' % (
            shape, json.dumps(json.dumps(body, separators=(',', ':'))), g('input_tokens'), g('output_tokens'), g('cache_read_tokens'), writes,
            g('input_audio_tokens'), g('output_audio_tokens'), g('output_reasoning_tokens'), g('web_searches')))
