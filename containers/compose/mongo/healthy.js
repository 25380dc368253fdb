// Whether MongoDB lets the workers' login in, at the container's own address. While the entry point sets the server up it listens
// on 127.0.0.1 alone, and lets anybody in.
const { readFileSync } = require("fs");
const password = encodeURIComponent(readFileSync("/run/secrets/mongo_password", "utf8").trim());
const db = connect(`mongodb://trivet:${password}@mongo:27017/admin?serverSelectionTimeoutMS=2000`);
quit(db.runCommand({ ping: 1 }).ok ? 0 : 1);
