// postgrest.mjs: @supabase/postgrest-js against /sql and its alias, with the schema header that supabase-js sends.
import { PostgrestClient } from '@supabase/postgrest-js';
import { is } from './checks.mjs';

for (const path of ['/sql', '/rest/v1']) {
    const db = new PostgrestClient(process.env.TRIVET_URL + path, { schema: 'public', headers: { apikey: 'unused' } });

    const one = await db.from('product').select('id,name').eq('id', 1).single();
    is([one.status, one.error, one.data?.id], [200, null, 1], `${path}: single row as an object`);

    const some = await db.from('product').select('id').in('id', [3, 1, 2]).order('id', { ascending: false });
    is(some.data, [{ id: 3 }, { id: 2 }, { id: 1 }], `${path}: in and order`);

    const page = await db.from('product').select('id', { count: 'exact' }).order('id').range(10, 14);
    is([page.status, page.data?.map(row => row.id), page.count > 15], [206, [11, 12, 13, 14, 15], true], `${path}: a range with its count`);

    const head = await db.from('product').select('*', { count: 'exact', head: true });
    is([head.data, head.count === page.count], [null, true], `${path}: HEAD counts alone`);

    const none = await db.from('product').select('id').eq('id', -1).maybeSingle();
    is([none.error, none.data], [null, null], `${path}: maybeSingle without a row`);

    const missing = await db.from('product').select('id').eq('id', -1).single();
    is([missing.status, missing.error?.code], [406, 'PGRST116'], `${path}: single without a row`);

    const name = `from ${path} "quoted" \u{1F600}`;
    const added = await db.from('product').insert({ name, price: 1.25 }).select();
    is([added.status, added.data?.length, added.data?.[0].name, added.data?.[0].price], [201, 1, name, 1.25], `${path}: insert with representation`);
    const again = await db.from('product').select('name').eq('id', added.data[0].id).single();
    is(again.data, { name }, `${path}: the insert can be read`);

    const many = await db.from('product').insert([{ name: 'a', price: 1 }, { name: 'b', price: 2 }]);
    is([many.status, many.error], [201, null], `${path}: insert of an array (columns= is sent)`);

    const unknown = await db.from('no_such_table').select();
    is([unknown.status, unknown.error?.code], [404, 'PGRST205'], `${path}: unknown table`);
    const column = await db.from('product').insert({ no_such_column: 1 });
    is([column.status, column.error?.code], [400, 'PGRST204'], `${path}: unknown column`);
    const bad = await db.from('product').select().eq('id', 'abc');
    is([bad.status, bad.error?.code], [400, '22P02'], `${path}: a value that is no number`);
}
