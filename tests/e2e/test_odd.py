#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers of unusual but legal shape, one row of ODD each: the bytes reach the client as the vendor sent them, and what was
used is metered right, or its row says by name that it is not (estimated, mismatch, unpriced, no_usage). Never a silent 0.

The vendor here is a socket that writes what a row says, byte for byte, head included, so that nothing between the table and
the gateway tidies it up.
"""
import gzip, json, pathlib, re, socket, sys, threading, time, zlib
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, wait_port, close, rows
from wire import exchange

def usage_line(u, **more): return b'data: ' + json.dumps({'id': 'c1', 'model': 'gpt-4o', 'choices': [], 'usage': u, **more}).encode() + b'\n\n'
def chunk(text): return b'data: ' + json.dumps({'id': 'c1', 'model': 'gpt-4o', 'choices': [{'index': 0, 'delta': {'content': text}, 'finish_reason': None}]}).encode() + b'\n\n'
def event(name, **data): return f'event: {name}\ndata: '.encode() + json.dumps({'type': name, **data}).encode() + b'\n\n'
def gem(**data): return b'data: ' + json.dumps(data).encode() + b'\n\n'

DONE = b'data: [DONE]\n\n'
U = {'prompt_tokens': 20, 'completion_tokens': 7, 'total_tokens': 27}
GOOD = {'in_plain': 20, 'out_text': 7}
SSE = {'content-type': 'text/event-stream'}
JSON = {'content-type': 'application/json'}
HELLO = chunk('Hello there, this is text')
MSG_START = event('message_start', message={'id': 'm1', 'type': 'message', 'role': 'assistant', 'model': 'claude-sonnet-4-5', 'content': [], 'usage': {'input_tokens': 30, 'cache_read_input_tokens': 8, 'output_tokens': 1}})
MSG_TEXT = event('content_block_delta', index=0, delta={'type': 'text_delta', 'text': 'Hello there, this is text'})
MSG_END = event('message_delta', delta={'stop_reason': 'end_turn'}, usage={'output_tokens': 9})
MSG_STOP = event('message_stop')
MSG_GOOD = {'in_plain': 30, 'in_cache_read': 8, 'out_text': 9}
CHAT_STREAM = {'model': 'gpt-4o', 'stream': True, 'stream_options': {'include_usage': True}, 'messages': [{'role': 'user', 'content': 'x' * 400}]}
CHAT = {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'x' * 400}]}
MSG = {'model': 'claude-sonnet-4-5', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': 'x' * 400}]}
GEMINI = {'contents': [{'parts': [{'text': 'x' * 400}]}]}
PRO = '/gemini/v1beta/models/gemini-2.5-pro:'
CHAT_AT, RESP_AT, MSG_AT = '/openai/v1/chat/completions', '/openai/v1/responses', '/anthropic/v1/messages'

def zstd(data):
    """A frame with one raw block (RFC 8878, section 3.1.1): no library is needed to write it."""
    return b'\x28\xb5\x2f\xfd\x60' + (len(data) - 256).to_bytes(2, 'little') + (len(data) << 3 | 1).to_bytes(3, 'little') + data

def body(u, text='Hello there', **more):
    return json.dumps({'id': 'c1', 'object': 'chat.completion', 'model': 'gpt-4o', 'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': text}, 'finish_reason': 'stop'}], 'usage': u, **more}).encode()
def message(u, **more):
    return json.dumps({'id': 'm1', 'type': 'message', 'role': 'assistant', 'model': 'claude-sonnet-4-5', 'content': [{'type': 'text', 'text': 'Hello there'}], 'stop_reason': 'end_turn', 'usage': u, **more}).encode()

MEASURED, ESTIMATED, MISMATCH, NO_USAGE, UNPRICED, FREE, ZERO = 'measured', 'estimated', 'mismatch', 'no_usage', 'unpriced', 'free', 'zero'
GUESSED = 'mismatch, estimated'  # counts that are none: without a price, its tokens estimated

# name, path, request, head of the answer, its bytes, what the row says: a word of the above, and its classes where they are certain
ODD = [
    # ---- where the usage stands, and how it is written
    ('usage on a chunk without choices', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U) + DONE, MEASURED, GOOD),
    ('usage on the last chunk with choices', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U, choices=[{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]) + DONE, MEASURED, GOOD),
    ('usage before the choices', CHAT_AT, CHAT_STREAM, SSE, HELLO + b'data: {"usage":' + json.dumps(U).encode() + b',"choices":[],"model":"gpt-4o","id":"c1"}\n\n' + DONE, MEASURED, GOOD),
    ('members of usage in another order', CHAT_AT, CHAT, JSON, body({'total_tokens': 27, 'completion_tokens': 7, 'prompt_tokens': 20}), MEASURED, GOOD),
    ('usage over several data lines', CHAT_AT, CHAT_STREAM, SSE, HELLO + b'data: {"id":"c1","model":"gpt-4o","choices":[],\ndata: "usage":{"prompt_tokens":20,\ndata: "completion_tokens":7,"total_tokens":27}}\n\n' + DONE, MEASURED, GOOD),
    ('CRLF line ends', CHAT_AT, CHAT_STREAM, SSE, (HELLO + usage_line(U) + DONE).replace(b'\n', b'\r\n'), MEASURED, GOOD),
    ('CR line ends, the usage last', CHAT_AT, CHAT_STREAM, SSE, (HELLO + usage_line(U)).replace(b'\n', b'\r'), MEASURED, GOOD),
    ('comments, ids, retries, a byte order mark', CHAT_AT, CHAT_STREAM, SSE, b'\xef\xbb\xbf: hi\n\nretry: 10\n\nid: 7\n' + HELLO + b':\n\n' + usage_line(U) + DONE, MEASURED, GOOD),
    ('no space behind the colon', CHAT_AT, CHAT_STREAM, SSE, (HELLO + usage_line(U) + DONE).replace(b'data: ', b'data:'), MEASURED, GOOD),
    ('[DONE] is missing', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U), MEASURED, GOOD),
    ('the last frame has no blank line', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U)[:-1], MEASURED, GOOD),
    ('the last line has no end', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U)[:-2], MEASURED, GOOD),
    ('usage as a running count on each chunk', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line({**U, 'completion_tokens': 3, 'total_tokens': 23}, choices=[{'index': 0, 'delta': {'content': 'a'}}]) + usage_line(U, choices=[{'index': 0, 'delta': {'content': 'b'}, 'finish_reason': 'stop'}]) + DONE, MEASURED, GOOD),
    ('the two sides in two chunks', CHAT_AT, CHAT_STREAM, SSE, usage_line({'prompt_tokens': 20}, choices=[{'index': 0, 'delta': {}}]) + HELLO + usage_line({'completion_tokens': 7}) + DONE, MEASURED, GOOD),
    ('a later chunk with usage null', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U) + usage_line(None) + DONE, MEASURED, GOOD),
    ('keys with escapes in a stream', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U).replace(b'"usage"', b'"us\\u0061ge"').replace(b'"prompt_tokens"', b'"prompt\\u005ftokens"') + DONE, MEASURED, GOOD),
    ('keys with escapes in a body', CHAT_AT, CHAT, JSON, body(U).replace(b'"usage"', b'"us\\u0061ge"').replace(b'"completion_tokens"', b'"c\\u006fmpletion_tokens"'), MEASURED, GOOD),
    ('usage twice in one object: the last counts', CHAT_AT, CHAT, JSON, body(U).replace(b'"usage": {', b'"usage": {"prompt_tokens": 1, "completion_tokens": 1}, "usage": {'), MEASURED, GOOD),
    ('a count twice: the last counts', CHAT_AT, CHAT, JSON, body(U).replace(b'"prompt_tokens": 20', b'"prompt_tokens": 1, "prompt_tokens": 20'), MEASURED, GOOD),
    ('counts as floats', CHAT_AT, CHAT, JSON, body(U).replace(b'20', b'20.0').replace(b'27', b'2.7e1'), MEASURED, GOOD),
    ('a byte order mark before a body', CHAT_AT, CHAT, JSON, b'\xef\xbb\xbf' + body(U), MEASURED, GOOD),
    ('blanks around a body', CHAT_AT, CHAT, JSON, b'\n\n  ' + body(U) + b'\r\n\t ', MEASURED, GOOD),
    ('decoys in the text', CHAT_AT, CHAT, JSON, body(U, text='"usage":{"prompt_tokens":1,"completion_tokens":1}'), MEASURED, GOOD),
    ('decoys in arguments, stream', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U) + b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":{"usage":{"prompt_tokens":900,"completion_tokens":900}}}}]}}]}\n\n' + DONE, MEASURED, GOOD),
    ('a decoy object beside the choices', CHAT_AT, CHAT, JSON, body(U, metadata={'usage': {'prompt_tokens': 900, 'completion_tokens': 900}}), MEASURED, GOOD),
    ('unknown events and members', CHAT_AT, CHAT_STREAM, SSE, b'event: ping\ndata: {}\n\nevent: x.new\ndata: {"y":[1,{"usage":2}]}\n\n' + HELLO + usage_line(U, brand_new={'a': 1}) + DONE, MEASURED, GOOD),
    ('a stream by its bytes alone', CHAT_AT, CHAT_STREAM, {'content-type': 'text/plain'}, HELLO + usage_line(U) + DONE, MEASURED, GOOD),
    ('a stream without a content type', CHAT_AT, CHAT_STREAM, {}, HELLO + usage_line(U) + DONE, MEASURED, GOOD),
    ('a whole answer where a stream was asked for', CHAT_AT, CHAT_STREAM, JSON, body(U), MEASURED, GOOD),
    ('a content type in capitals with parameters', CHAT_AT, CHAT_STREAM, {'content-type': 'Text/Event-Stream; charset=UTF-8'}, HELLO + usage_line(U) + DONE, MEASURED, GOOD),
    # ---- content encodings that nobody asked for
    ('gzip, whole', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'gzip'}, gzip.compress(body(U)), MEASURED, GOOD),
    ('gzip of two members', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'gzip'}, gzip.compress(body(U)[:40]) + gzip.compress(body(U)[40:]), MEASURED, GOOD),
    ('deflate with a zlib head', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'deflate'}, zlib.compress(body(U)), MEASURED, GOOD),
    ('deflate without one', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'deflate'}, zlib.compress(body(U))[2:-4], MEASURED, GOOD),
    ('gzip, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'gzip'}, gzip.compress(HELLO + usage_line(U) + DONE), MEASURED, GOOD),
    ('gzip of two members, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'x-gzip'}, gzip.compress(HELLO) + gzip.compress(usage_line(U) + DONE), MEASURED, GOOD),
    ('deflate without a head, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'deflate'}, zlib.compress(HELLO + usage_line(U) + DONE)[2:-4], MEASURED, GOOD),
    ('zstd', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'zstd'}, zstd(body(U, text='Hello ' * 50)), MEASURED, GOOD),
    ('zstd, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'zstd'}, zstd(HELLO + usage_line(U) + DONE), MEASURED, GOOD),
    ('gzip that is damaged, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'gzip'}, gzip.compress(HELLO + usage_line(U) + DONE)[:40] + bytes(60), ESTIMATED, None),
    ('two codings upon one another', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'gzip, gzip'}, gzip.compress(gzip.compress(body(U))), ESTIMATED, None),
    ('a coding that is not known here', CHAT_AT, CHAT, {**JSON, 'content-encoding': 'br'}, b'\x8b\x07\x80' + bytes(range(200)), ESTIMATED, None),
    ('the same, a stream', CHAT_AT, CHAT_STREAM, {**SSE, 'content-encoding': 'br'}, b'\x8b\x07\x80' + bytes(range(200)), ESTIMATED, None),
    # ---- framing
    ('chunks with extensions and a trailer', CHAT_AT, CHAT, {**JSON, 'transfer-encoding': 'chunked', 'trailer': 'x-t'}, body(U), MEASURED, GOOD),
    ('an answer that ends with its connection', CHAT_AT, CHAT, {**JSON, 'content-length': None}, body(U), MEASURED, GOOD),
    # ---- what is missing, or wrong, is named
    ('no usage at all', CHAT_AT, CHAT, JSON, body(None), ESTIMATED, None),
    ('usage is a list', CHAT_AT, CHAT, JSON, body([1, 2]), ESTIMATED, None),
    ('the prompt is missing', CHAT_AT, CHAT, JSON, body({'completion_tokens': 7}), ESTIMATED, None),
    ('the prompt is null', CHAT_AT, CHAT, JSON, body({'prompt_tokens': None, 'completion_tokens': 7}), ESTIMATED, None),
    ('the completion is missing', CHAT_AT, CHAT, JSON, body({'prompt_tokens': 20}), ESTIMATED, None),
    ('one side and the total say the other', CHAT_AT, CHAT, JSON, body({'completion_tokens': 7, 'total_tokens': 27}), MEASURED, GOOD),
    ('a negative count', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens': -20}), GUESSED, None),
    ('a fraction', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens': 20.5}), GUESSED, None),
    ('a count as text', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens': '20'}), GUESSED, None),
    ('a count of twenty digits', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens': 10 ** 20}), GUESSED, None),
    ('a count of 400 digits, stream', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line({**U, 'prompt_tokens': 10 ** 400}) + DONE, GUESSED, None),
    ('parts above the whole', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens_details': {'cached_tokens': 900}}), MISMATCH, None),
    ('a total that is another', CHAT_AT, CHAT, JSON, body({**U, 'total_tokens': 99}), MISMATCH, None),
    ('a class of tokens that is not known', CHAT_AT, CHAT, JSON, body({**U, 'prompt_tokens_details': {'smell_tokens': 5}}), MISMATCH, None),
    ('trailing garbage', CHAT_AT, CHAT, JSON, body(U) + b'garbage', ESTIMATED, None),
    ('half a body', CHAT_AT, CHAT, JSON, body(U)[:-20], ESTIMATED, None),
    ('an explicit zero', CHAT_AT, CHAT, JSON, body({'prompt_tokens': 0, 'completion_tokens': 0, 'total_tokens': 0}), ZERO, {}),
    ('200 with an error body', CHAT_AT, CHAT, JSON, b'{"error":{"message":"overloaded","type":"server_error"}}', ESTIMATED, None),
    ('an empty 200', CHAT_AT, CHAT, JSON, b'', ESTIMATED, None),
    ('a page of HTML', CHAT_AT, CHAT, {'content-type': 'text/html'}, b'<html>no</html>', ESTIMATED, None),
    ('an error in mid-stream', CHAT_AT, CHAT_STREAM, SSE, HELLO + b'data: {"error":{"message":"overloaded"}}\n\n', ESTIMATED, None),
    ('an error after the usage', CHAT_AT, CHAT_STREAM, SSE, HELLO + usage_line(U) + b'data: {"error":{"message":"overloaded"}}\n\n', MEASURED, GOOD),
    ('no model in the answer', CHAT_AT, CHAT, JSON, json.dumps({'choices': [], 'usage': U}).encode(), MEASURED, GOOD),
    ('a model nobody knows', CHAT_AT, {**CHAT, 'model': 'secret-1'}, JSON, body(U).replace(b'gpt-4o', b'secret-1'), UNPRICED, GOOD),
    ('a tier without a price', CHAT_AT, CHAT, JSON, body(U, service_tier='turbo-9'), UNPRICED, GOOD),
    # ---- Responses
    ('responses, whole', RESP_AT, {'model': 'gpt-4o', 'input': 'x'}, JSON, json.dumps({'id': 'r1', 'object': 'response', 'status': 'completed', 'model': 'gpt-4o', 'output': [], 'usage': {'input_tokens': 20, 'output_tokens': 7, 'total_tokens': 27}}).encode(), MEASURED, GOOD),
    ('responses, events without names', RESP_AT, {'model': 'gpt-4o', 'input': 'x', 'stream': True}, SSE, gem(type='response.created', response={'id': 'r1', 'model': 'gpt-4o'}) + gem(type='response.completed', response={'id': 'r1', 'model': 'gpt-4o', 'usage': {'input_tokens': 20, 'output_tokens': 7, 'total_tokens': 27}}), MEASURED, GOOD),
    ('responses, a type with escapes', RESP_AT, {'model': 'gpt-4o', 'input': 'x', 'stream': True}, SSE, gem(type='response.completed', response={'id': 'r1', 'model': 'gpt-4o', 'usage': {'input_tokens': 20, 'output_tokens': 7, 'total_tokens': 27}}).replace(b'"response.c', b'"r\\u0065sponse.c').replace(b'"usage"', b'"us\\u0061ge"'), MEASURED, GOOD),
    ('responses, failed without usage', RESP_AT, {'model': 'gpt-4o', 'input': 'x', 'stream': True}, SSE, event('response.failed', response={'id': 'r1', 'model': 'gpt-4o', 'status': 'failed', 'usage': None}), ESTIMATED, None),
    ('responses, an unknown last event', RESP_AT, {'model': 'gpt-4o', 'input': 'x', 'stream': True}, SSE, event('response.halted', response={'id': 'r1', 'model': 'gpt-4o', 'usage': {'input_tokens': 20, 'output_tokens': 7, 'total_tokens': 27}}), MEASURED, GOOD),
    ('responses, a picture made on the way', RESP_AT, {'model': 'gpt-4o', 'input': 'x', 'tools': [{'type': 'image_generation'}]}, JSON, json.dumps({'id': 'r1', 'object': 'response', 'status': 'completed', 'model': 'gpt-4o', 'output': [{'type': 'image_generation_call', 'id': 'ig', 'status': 'completed', 'result': 'AAAA'}], 'usage': {'input_tokens': 20, 'output_tokens': 7, 'total_tokens': 27}}).encode(), UNPRICED, GOOD),
    # ---- Anthropic
    ('messages stream', MSG_AT, {**MSG, 'stream': True}, SSE, MSG_START + MSG_TEXT + MSG_END + MSG_STOP, MEASURED, MSG_GOOD),
    ('messages stream without message_stop', MSG_AT, {**MSG, 'stream': True}, SSE, MSG_START + MSG_TEXT + MSG_END, MEASURED, MSG_GOOD),
    ('messages stream, the end without a blank line', MSG_AT, {**MSG, 'stream': True}, SSE, MSG_START + MSG_TEXT + MSG_END[:-1], MEASURED, MSG_GOOD),
    ('messages stream, names in the data alone', MSG_AT, {**MSG, 'stream': True}, SSE, re.sub(rb'event: .*\n', b'', MSG_START + MSG_TEXT + MSG_END + MSG_STOP), MEASURED, MSG_GOOD),
    ('messages stream, escapes in type and keys', MSG_AT, {**MSG, 'stream': True}, SSE, re.sub(rb'event: .*\n', b'', MSG_START + MSG_TEXT + MSG_END + MSG_STOP).replace(b'message_', b'message\\u005f').replace(b'"usage"', b'"us\\u0061ge"'), MEASURED, MSG_GOOD),
    ('messages stream, an error after the start', MSG_AT, {**MSG, 'stream': True}, SSE, MSG_START + MSG_TEXT + event('error', error={'type': 'overloaded_error', 'message': 'x'}), ESTIMATED, None),
    ('messages stream, the input never stated', MSG_AT, {**MSG, 'stream': True}, SSE, event('message_start', message={'id': 'm1', 'model': 'claude-sonnet-4-5'}) + MSG_TEXT + MSG_END + MSG_STOP, ESTIMATED, None),
    ('messages stream, no usage at the end', MSG_AT, {**MSG, 'stream': True}, SSE, MSG_START + MSG_TEXT + event('message_delta', delta={'stop_reason': 'end_turn'}) + MSG_STOP, ESTIMATED, None),
    ('messages, the output is missing', MSG_AT, MSG, JSON, message({'input_tokens': 30}), ESTIMATED, None),
    ('messages, the input is missing', MSG_AT, MSG, JSON, message({'output_tokens': 9}), ESTIMATED, None),
    ('messages, a class of tokens that is not known', MSG_AT, MSG, JSON, message({'input_tokens': 30, 'smell_input_tokens': 5, 'output_tokens': 9}), MISMATCH, None),
    ('messages, a cache life that is not known', MSG_AT, MSG, JSON, message({'input_tokens': 30, 'output_tokens': 9, 'cache_creation_input_tokens': 50, 'cache_creation': {'ephemeral_24h_input_tokens': 50}}), MISMATCH, None),
    ('messages, a vendor tool that is not known', MSG_AT, MSG, JSON, message({'input_tokens': 30, 'output_tokens': 9, 'server_tool_use': {'web_search_requests': 1, 'deep_dive_requests': 2}}), UNPRICED, None),
    ('messages, 200 with an error body', MSG_AT, MSG, JSON, b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', ESTIMATED, None),
    # ---- Gemini
    ('gemini, two candidates end apart', PRO + 'streamGenerateContent?alt=sse', GEMINI, SSE, gem(candidates=[{'index': 0, 'content': {'parts': [{'text': 'a'}]}, 'finishReason': 'STOP'}], usageMetadata={'promptTokenCount': 20, 'candidatesTokenCount': 3, 'totalTokenCount': 23}) + gem(candidates=[{'index': 1, 'content': {'parts': [{'text': 'b'}]}, 'finishReason': 'STOP'}], usageMetadata={'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27}), MEASURED, GOOD),
    ('gemini, the usage behind the end', PRO + 'streamGenerateContent?alt=sse', GEMINI, SSE, gem(candidates=[{'content': {'parts': [{'text': 'a'}]}, 'finishReason': 'STOP'}]) + gem(usageMetadata={'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27}), MEASURED, GOOD),
    ('gemini, the sides in two chunks', PRO + 'streamGenerateContent?alt=sse', GEMINI, SSE, gem(candidates=[{'content': {'parts': [{'text': 'a'}]}}], usageMetadata={'promptTokenCount': 20, 'totalTokenCount': 20}) + gem(candidates=[{'finishReason': 'STOP'}], usageMetadata={'candidatesTokenCount': 7, 'totalTokenCount': 27}), MEASURED, GOOD),
    ('gemini, keys with escapes', PRO + 'streamGenerateContent?alt=sse', GEMINI, SSE, gem(candidates=[{'content': {'parts': [{'text': 'a'}]}, 'finishReason': 'STOP'}]) + gem(usageMetadata={'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27}).replace(b'usageMeta', b'usage\\u004deta'), MEASURED, GOOD),
    ('gemini, an array', PRO + 'streamGenerateContent', GEMINI, JSON, json.dumps([{'candidates': [{'content': {'parts': [{'text': 'a'}]}}]}, {'candidates': [{'finishReason': 'STOP'}], 'usageMetadata': {'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27}}]).encode(), MEASURED, GOOD),
    ('gemini, an array that broke off behind its usage', PRO + 'streamGenerateContent', GEMINI, JSON, json.dumps([{'candidates': [{'finishReason': 'STOP'}], 'usageMetadata': {'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27}}]).encode()[:-1], MEASURED, GOOD),
    ('gemini, thoughts, tools, cache, a picture', PRO + 'generateContent', GEMINI, JSON, json.dumps({'modelVersion': 'gemini-2.5-pro', 'candidates': [], 'usageMetadata': {'totalTokenCount': 150, 'thoughtsTokenCount': 11, 'toolUsePromptTokenCount': 30, 'promptTokenCount': 100, 'cachedContentTokenCount': 40, 'candidatesTokenCount': 9, 'promptTokensDetails': [{'modality': 'IMAGE', 'tokenCount': 25}, {'modality': 'TEXT', 'tokenCount': 75}]}}).encode(), MEASURED, {'in_plain': 65, 'in_cache_read': 40, 'in_image': 25, 'out_text': 9, 'out_reasoning': 11}),
    ('gemini, a class of tokens that is not known', PRO + 'generateContent', GEMINI, JSON, json.dumps({'modelVersion': 'gemini-2.5-pro', 'candidates': [], 'usageMetadata': {'promptTokenCount': 20, 'candidatesTokenCount': 7, 'smellTokenCount': 4, 'totalTokenCount': 31}}).encode(), MISMATCH, None),
    ('gemini, a modality that is not known', PRO + 'generateContent', GEMINI, JSON, json.dumps({'modelVersion': 'gemini-2.5-pro', 'candidates': [], 'usageMetadata': {'promptTokenCount': 20, 'candidatesTokenCount': 7, 'totalTokenCount': 27, 'promptTokensDetails': [{'modality': 'SMELL', 'tokenCount': 5}]}}).encode(), MISMATCH, None),
    ('gemini, an error in an array', PRO + 'streamGenerateContent', GEMINI, JSON, b'[{"error":{"code":500,"message":"x","status":"INTERNAL"}}]', ESTIMATED, None),
    ('gemini, embedContent with usage', '/gemini/v1beta/models/gemini-embedding-001:embedContent', {'content': {'parts': [{'text': 'x'}]}}, JSON, json.dumps({'embedding': {'values': [0.1]}, 'usageMetadata': {'promptTokenCount': 20, 'totalTokenCount': 20}}).encode(), MEASURED, {'in_plain': 20}),
    ('gemini, embedContent without', '/gemini/v1beta/models/gemini-embedding-001:embedContent', {'content': {'parts': [{'text': 'x'}]}}, JSON, b'{"embedding":{"values":[0.1]}}', ESTIMATED, None),
    # ---- pictures, speech, embeddings
    ('pictures as they come', '/openai/v1/images/generations', {'model': 'gpt-image-1', 'prompt': 'x', 'stream': True, 'partial_images': 1}, SSE, event('image_generation.partial_image', b64_json='A' * 99, partial_image_index=0) + event('image_generation.completed', b64_json='B' * 99, usage={'total_tokens': 120, 'input_tokens': 20, 'output_tokens': 100, 'input_tokens_details': {'text_tokens': 15, 'image_tokens': 5}}), MEASURED, {'in_plain': 15, 'in_image': 5, 'out_image': 100}),
    ('two pictures, each with its usage', '/openai/v1/images/generations', {'model': 'gpt-image-1', 'prompt': 'x', 'stream': True, 'n': 2}, SSE, 2 * event('image_generation.completed', b64_json='B' * 99, usage={'total_tokens': 120, 'input_tokens': 20, 'output_tokens': 100, 'input_tokens_details': {'text_tokens': 15, 'image_tokens': 5}}), ESTIMATED, {'in_plain': 30, 'in_image': 10, 'out_image': 200}),
    ('a picture without usage, as it comes', '/openai/v1/images/generations', {'model': 'gpt-image-1', 'prompt': 'x', 'stream': True}, SSE, event('image_generation.completed', b64_json='B' * 99), NO_USAGE, {}),
    ('speech', '/openai/v1/audio/speech', {'model': 'tts-1', 'input': 'hello', 'voice': 'alloy'}, {'content-type': 'audio/mpeg'}, b'\xff\xfb' + bytes(500), MEASURED, {}),
    ('speech as events', '/openai/v1/audio/speech', {'model': 'gpt-4o-mini-tts', 'input': 'hello', 'voice': 'alloy', 'stream_format': 'sse'}, SSE, event('speech.audio.delta', audio='AAAA') + event('speech.audio.done', usage={'input_tokens': 14, 'output_tokens': 101, 'total_tokens': 115}), None, None),
    ('speech that is an error', '/openai/v1/audio/speech', {'model': 'tts-1', 'input': 'hello', 'voice': 'alloy'}, {**JSON, ':status': '429 Too Many Requests'}, b'{"error":{"message":"slow down","type":"rate_limit","code":null,"param":null}}', FREE, {}),
    ('embeddings, floats', '/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': 'x'}, JSON, b'{"data":[{"embedding":[0.1,-2e-3]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":5.0,"total_tokens":5.0}}', MEASURED, {'in_plain': 5}),
    ('embeddings, no usage', '/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': 'x'}, JSON, b'{"data":[{"embedding":[0.1]}],"model":"text-embedding-3-small"}', ESTIMATED, None),
    ('a transcript as text', '/openai/v1/audio/transcriptions', b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b\r\nContent-Disposition: form-data; name="response_format"\r\n\r\ntext\r\n--b--\r\n', {'content-type': 'text/plain'}, b'Hello there.\n', NO_USAGE, {}),
    ('a transcript as events', '/openai/v1/audio/transcriptions', b'--b\r\nContent-Disposition: form-data; name=model\r\n\r\ngpt-4o-transcribe\r\n--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--b--\r\n', SSE, event('transcript.text.delta', delta='Hel') + event('transcript.text.done', text='Hello', usage={'type': 'tokens', 'input_tokens': 14, 'output_tokens': 5, 'total_tokens': 19, 'input_token_details': {'audio_tokens': 14, 'text_tokens': 0}}), MEASURED, {'in_audio': 14, 'out_text': 5}),
    ('an operation nobody knows, with usage', '/openai/v1/brand/new', {'model': 'gpt-4o'}, JSON, body(U), MEASURED, GOOD),
    ('a short-lived key for sessions that are not seen', '/openai/v1/realtime/client_secrets', {'session': {'type': 'realtime', 'model': 'gpt-realtime'}}, JSON, b'{"value":"ek_1","expires_at":1,"session":{"id":"sess_1"}}', NO_USAGE, {}),
    ('an offer for such a session', '/openai/v1/realtime/calls', b'--b\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n--b--\r\n', {'content-type': 'application/sdp'}, b'v=0\r\n', NO_USAGE, {}),
    ('a film that will be made', '/openai/v1/videos', {'model': 'sora-2', 'prompt': 'x', 'seconds': '8'}, JSON, b'{"id":"video_1","object":"video","model":"sora-2","status":"queued","seconds":"8","size":"1280x720"}', NO_USAGE, {}),
    ('an operation nobody knows, without', '/openai/v1/brand/new', {'model': 'gpt-4o'}, JSON, b'{"done":true}', NO_USAGE, {}),
]

def said(row):
    """What the row says of itself, in one word."""
    if row['price_status'] == MISMATCH and row['provenance'] == ESTIMATED and row['classes']: return GUESSED
    if row['price_status'] in (MISMATCH, NO_USAGE, UNPRICED): return row['price_status']
    if row['provenance'] == ESTIMATED: return ESTIMATED
    if row['price_status'] == FREE: return FREE
    if not row['classes'] and not row['characters'] and not row['images'] and not row['audio_ms']: return ZERO
    return MEASURED

def answer_bytes(head, data):
    head = {'connection': 'close', **head}
    status = head.pop(':status', '200 OK')
    if head.get('transfer-encoding') == 'chunked':
        data = b''.join(b'%x;a="b"\r\n%s\r\n' % (len(p), p) for p in (data[:7], data[7:])) + b'0\r\nx-t: usage\r\n\r\n'
    elif 'content-length' not in head:
        head['content-length'] = len(data)
    return (f'HTTP/1.1 {status}\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in head.items() if v is not None) + '\r\n').encode() + data

def vendor(port):
    """Answers the row that x-odd names; in pieces of x-piece bytes."""
    def one(c):
        with c:
            got = b''
            while b'\r\n\r\n' not in got: got += c.recv(1 << 16)
            head, rest = got.split(b'\r\n\r\n', 1)
            if b'x-odd' not in head: return  # the gateway looks at open work by itself
            need = int(re.search(rb'content-length: *(\d+)', head, re.I).group(1)) - len(rest)
            while need > 0: need -= len(c.recv(1 << 16))
            row = ODD[int(re.search(rb'x-odd: *(\d+)', head, re.I).group(1))]
            whole = answer_bytes(row[3], row[4])
            cuts = [m.end() for m in re.finditer(rb'(\r\n\r\n|\n\n|\r\r)', whole)] if row[2] and row[3].get('transfer-encoding') is None else []
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for a, b in zip([0] + cuts, cuts + [len(whole)]):  # each frame by itself, as vendors send them
                c.sendall(whole[a:b])
                time.sleep(0.002)
    def serve():
        while True:
            try: c, _ = listener.accept()
            except OSError: return
            threading.Thread(target=one, args=(c,), daemon=True).start()
    listener = socket.create_server(('127.0.0.1', port))
    threading.Thread(target=serve, daemon=True).start()
    return listener

def main():
    s = Stack()
    s.start_sandbox = lambda: vendor(s.sandbox_port)
    with s:
        ids = {}
        for i, (name, path, request, head, data, word, classes) in enumerate(ODD):
            form = {'content-type': 'multipart/form-data; boundary=b'} if isinstance(request, bytes) else {}
            a = exchange(s.port, path, request, {'x-odd': str(i), **form})
            ok(f'{name}: byte for byte', a.body == data and a.clean, f'{a.status} {a.clean} {a.body[:200]!r}')
            ids[a.get('x-runrate-id')] = i
        rows = {ids[r['id']]: r for r in map(json.loads, s.run('export', '--calls').stdout.splitlines()) if r['id'] in ids}
        for i, (name, path, request, head, data, word, classes) in enumerate(ODD):
            r = rows.get(i)
            if not r:
                ok(f'{name}: recorded', False)
                continue
            good = word is None or said(r) == word
            ok(f'{name}: {said(r)} {r["classes"]}', good and (classes is None or r['classes'] == classes), f'want {word} {classes}; {r["price_status"]} {r["provenance"]} {r["tool_calls"]} flags {r["usage_flags"]} cost {r["cost"]} {r["low"]}..{r["high"]}')
            ok(f'{name}: no silent 0', said(r) not in (MEASURED,) or r['cost'] != '0', str(r))
def caps():
    """What nobody can price counts on a hard cap as what was reserved for it, also after kill -9."""
    s = Stack(config='caps: [{book: inference, amount: "1 USD", window: month, hard: true}, {book: inference, tokens: 1M, window: month, hard: true}]\n')
    s.start_sandbox = lambda: vendor(s.sandbox_port)
    def cap():
        c = json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]
        return Decimal(c['spent']), Decimal(c['reserved'])
    def tokens(): return json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][1]['spent_tokens']
    with s:
        wanted = [i for i, row in enumerate(ODD) if row[0] in ('a count as text', 'a class of tokens that is not known', 'a tier without a price')]
        for i in wanted: exchange(s.port, ODD[i][1], ODD[i][2], {'x-odd': str(i)})
        made = rows(s)
        highs, each = [Decimal(r['high']) for r in made], [sum(r['classes'].values()) for r in made]
        ok('what has no price counts on a hard cap as what was reserved', len(highs) == 3 and all(h > 0 for h in highs) and cap() == (sum(highs), 0), f'{highs} {cap()}')
        status, _, out = s.post('/openai/v1/realtime/client_secrets', {'session': {'type': 'realtime'}})
        ok('what no cap could hold is refused by a hard one: a key for sessions that are not seen', status == 429 and b'budget_exceeded' in out, f'{status} {out[:200]}')
        ok('and its tokens on one in tokens, estimated where the counts are none', min(each) > 0 and tokens() == sum(each), f'{each} {tokens()}')
        s.kill(); s.start_gateway(); wait_port(s.admin_port)
        ok('after kill -9 too', tokens() == sum(each), f'{each} {tokens()}')
        ok('and so it does after kill -9', cap() == (sum(highs), 0), f'{highs} {cap()}')

main()
caps()
close()
