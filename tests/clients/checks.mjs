// checks.mjs: one line a check, and an exit status that says whether all held.
import { isDeepStrictEqual } from 'node:util';

let wrong = 0;

export function is(got, want, what) {
    const good = isDeepStrictEqual(got, want);
    if (!good) {
        wrong++;
        process.exitCode = 1;
    }
    console.log(`${good ? 'ok' : 'not ok'} - ${what}${good ? '' : ` | got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`}`);
}

export async function throws(promise, pattern, what) {
    try {
        is(await promise, 'an error', what);
    } catch (error) {
        is(pattern.test(String(error.message)), true, `${what} (${error.message})`);
    }
}
