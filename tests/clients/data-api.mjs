// data-api.mjs: mongodb-data-api against the path that the Data API had, by its alias.
import { createMongoDBDataAPI } from 'mongodb-data-api';
import { is, throws } from './checks.mjs';

const api = createMongoDBDataAPI({
    apiKey: 'unused',
    urlEndpoint: `${process.env.TRIVET_URL}/app/data-abcde/endpoint/data/v1`,
});
const reviews = api.$cluster('mongodb-atlas').$database('shop').$collection('clients');

const name = `review ${Math.random()}`;
const added = await reviews.insertOne({ document: { name, stars: 5, tags: ['a', 'b'], nested: { deep: [1, { x: null }] } } });
is(/^[0-9a-f]{24}$/.test(added.insertedId), true, 'insertOne gives the id');
const found = await reviews.findOne({ filter: { name } });
is(found.document, { _id: added.insertedId, name, stars: 5, tags: ['a', 'b'], nested: { deep: [1, { x: null }] } }, 'findOne gives the document');
const byId = await reviews.findOne({ filter: { _id: { $oid: added.insertedId } }, projection: { name: 1, _id: 0 } });
is(byId.document, { name }, 'findOne by id with a projection');
is((await reviews.findOne({ filter: { name: 'no such' } })).document, null, 'findOne without a match');
const list = await reviews.find({ filter: { stars: 5 }, sort: { name: 1 }, limit: 2 });
is(Array.isArray(list.documents) && list.documents.length >= 1, true, 'find');
await throws(reviews.findOne({ filter: { $where: 'true' } }), /./, 'JavaScript in a filter is refused');
