// Accounts of a new MongoDB, made once by its image's entry point: the workers' and the exporter's.
const { readFileSync } = require("fs");
const secret = (name) => readFileSync("/run/secrets/" + name, "utf8").trim();
const admin = db.getSiblingDB("admin");
admin.createUser({
  user: "trivet",
  pwd: secret("mongo_password"),
  roles: [{ role: "readWriteAnyDatabase", db: "admin" }],
});
admin.createUser({
  user: "exporter",
  pwd: secret("mongo_exporter_password"),
  roles: [{ role: "clusterMonitor", db: "admin" }, { role: "read", db: "local" }],
});
