// upstash.mjs: @upstash/redis against /kv, as its users call it: base64 and automatic pipelines are on by default.
import { Redis } from '@upstash/redis';
import { is, throws } from './checks.mjs';

const redis = new Redis({ url: `${process.env.TRIVET_URL}/kv`, token: 'unused', enableTelemetry: false });
const key = name => `clients:${name}`;

is(await redis.set(key('text'), 'v'), 'OK', 'set');
is(await redis.get(key('text')), 'v', 'get');
is(await redis.get(key('none')), null, 'get of what is not there');
is(await redis.set(key('odd'), 'ü\u0000\u{1F600}"\\'), 'OK', 'set of odd characters');
is(await redis.get(key('odd')), 'ü\u0000\u{1F600}"\\', 'they come back');
is(await redis.set(key('object'), { a: [1, 'x', null] }), 'OK', 'set of an object');
is(await redis.get(key('object')), { a: [1, 'x', null] }, 'it comes back as an object');
is(await redis.del(key('n')) >= 0, true, 'del');
is(await redis.incrby(key('n'), 41), 41, 'incrby');
is(await redis.set(key('ttl'), 'v', { ex: 100 }), 'OK', 'set with ex');
is(await redis.ttl(key('ttl')) > 90, true, 'ttl');
await redis.del(key('hash'), key('list'), key('sorted'));
is(await redis.hset(key('hash'), { a: 1, b: 'two' }), 2, 'hset');
is(await redis.hgetall(key('hash')), { a: 1, b: 'two' }, 'hgetall');
is(await redis.rpush(key('list'), 'a', 'b', 'c'), 3, 'rpush');
is(await redis.lrange(key('list'), 0, -1), ['a', 'b', 'c'], 'lrange');
is(await redis.zadd(key('sorted'), { score: 1.5, member: 'm' }), 1, 'zadd');
is(await redis.zscore(key('sorted'), 'm'), 1.5, 'zscore');

const together = await Promise.all([redis.set(key('p1'), 1), redis.get(key('text')), redis.incr(key('n'))]);
is(together, ['OK', 'v', 42], 'calls of one tick, which the library pipelines');
const pipeline = redis.pipeline();
pipeline.set(key('p2'), 'two').get(key('p2')).llen(key('list'));
is(await pipeline.exec(), ['OK', 'two', 3], 'pipeline');
const transaction = redis.multi();
transaction.set(key('m'), 1).incr(key('m'));
is(await transaction.exec(), ['OK', 2], 'multi');
is(await redis.createScript('return {KEYS[1], ARGV[1]}').exec([key('k')], ['arg']), [key('k'), 'arg'], 'a script by its hash, then by its text');

await throws(redis.lpush(key('text'), 'x'), /WRONGTYPE/, "Redis' own error");
await throws(redis.exec(['BLPOP', key('list'), 0]), /./, 'a blocking command is refused');
