"""checks_double.py: terraform's whole life against a double of AWS: bootstrap, an environment whose state lives in the bucket made
there, a second plan that says nothing, a lock that somebody else holds, destroy. What the double cannot do is laid aside in a copy
by the files in double/, and counted as skipped."""

import http.client
import json
import os
import re
import shutil
import socket
import time
import urllib.request

from harness import HERE, SCRATCH, Tap, clean_environment, copy_tree, run, start, stop, tool, why_not

BUCKET = "trivet-terraform-123456789012-eu-central-1"
STATE = "dev/terraform.tfstate"
NOT_DOUBLED = ["RDS for MySQL", "DocumentDB", "ElastiCache", "EKS add-ons, access entries and Pod Identity associations",
               "the lifecycle rule of the states' bucket"]


class Double:
    """moto as a server, and the two roots as copies."""

    def __init__(self):
        # Between our look for a port and moto's use of it someone else may have taken it: it ends then.
        for _ in range(3):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            address = "http://127.0.0.1:%d" % port
            with open(os.path.join(SCRATCH, "moto.log"), "ab") as log:
                self.process = start([os.path.join(tool("MOTO"), "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)], stdout=log,
                                     stderr=log, env=clean_environment(MOTO_IAM_LOAD_MANAGED_POLICIES="true"))
            if self.answers(address):
                break
            stop(self.process)
        else:
            raise RuntimeError("moto does not answer")
        # What the double does not know it answers with 500, which a client would try again for minutes.
        self.env = clean_environment(AWS_ENDPOINT_URL=address, AWS_ENDPOINT_URL_S3=address, AWS_ENDPOINT_URL_STS=address,
                                     AWS_ACCESS_KEY_ID="double", AWS_SECRET_ACCESS_KEY="double", AWS_REGION="eu-central-1",
                                     AWS_DEFAULT_REGION="eu-central-1", AWS_MAX_ATTEMPTS="2")
        self.tree = copy_tree("doubled")

    def answers(self, address):
        """Whether it does in the end; False as soon as it has ended."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address + "/moto-api/data.json", timeout=30).close()
                return self.process.poll() is None
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
        return False

    def lay_over(self, part, target):
        source = os.path.join(HERE, "double", part)
        for name in os.listdir(source):
            shutil.copy(os.path.join(source, name), os.path.join(self.tree, target))

    def terraform(self, root, *arguments):
        return run(tool("TERRAFORM"), arguments[0], "-no-color", *arguments[1:], cwd=os.path.join(self.tree, root), env=self.env)

    def aws(self, *arguments):
        result = run(os.path.join(tool("MOTO"), "bin/python"), os.path.join(HERE, "double_aws.py"), *arguments, env=self.env)
        if result.status != 0:
            raise RuntimeError(result.text)
        return json.loads(result.text.strip().splitlines()[-1])


def check():
    missing = [] if tool("TERRAFORM") and tool("PROVIDER") else ["no terraform with its aws provider"]
    missing += [] if tool("MOTO") else ["no moto: " + why_not("moto")]
    if missing:
        Tap.skip("apply, an empty second plan, the state's lock, destroy against a double of AWS", "; ".join(missing))
        return
    double = Double()
    try:
        check_bootstrap(double)
        if check_apply(double):
            check_made(double.aws("facts"))
            check_lock(double)
            check_destroy(double)
    finally:
        stop(double.process)
    for what in NOT_DOUBLED:
        Tap.skip("applied: " + what, "the double lacks it, or never settles; planned with mocks only")
    Tap.skip("applied to AWS itself", "no account here")


def check_bootstrap(double):
    double.lay_over("bootstrap", "bootstrap")
    result = double.terraform("bootstrap", "init", "-lockfile=readonly", "-plugin-dir", tool("PLUGINS"))
    if result.status == 0:
        result = double.terraform("bootstrap", "apply", "-auto-approve")
    Tap.ok(result.status == 0, "double: bootstrap is applied", result.text)
    result = double.terraform("bootstrap", "plan", "-detailed-exitcode")
    Tap.ok(result.status == 0, "double: bootstrap's second plan says nothing", result.text)
    bucket = double.aws("facts")["buckets"][BUCKET]
    rule = bucket["policy"]["Statement"][0]
    Tap.ok(rule["Effect"] == "Deny" and rule["Principal"] in ("*", {"AWS": "*"}) and rule["Action"] == "s3:*"
           and rule["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, "double: the states' bucket refuses whoever comes without TLS", rule)
    Tap.ok(bucket["versioning"] == "Enabled" and all(bucket["public"].values())
           and bucket["encryption"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms",
           "double: it is versioned, encrypted, closed to the public", bucket)
    override = os.path.join(double.tree, "bootstrap/double_override.tf")
    with open(override, encoding="utf-8") as file:
        kept = file.read()
    with open(override, "w", encoding="utf-8") as file:
        file.write(kept.replace("prevent_destroy = false", "prevent_destroy = true"))
    result = double.terraform("bootstrap", "plan", "-destroy")
    Tap.ok(result.status == 1 and "prevent_destroy" in result.text, "double: bucket and key of the states cannot be destroyed", result.text)
    # The double takes the rule as one for everybody: it compares no conditions.
    double.aws("drop-bucket-policy", BUCKET)


def check_apply(double):
    for module in ("eks", "stores", "delivery"):
        double.lay_over(module, "modules/" + module)
    root = "environments/dev"
    shutil.copy(os.path.join(double.tree, root, "terraform.tfvars.example"), os.path.join(double.tree, root, "terraform.tfvars"))
    config = double.terraform("bootstrap", "output", "-raw", "backend_config")
    with open(os.path.join(double.tree, "environments/backend.hcl"), "w", encoding="utf-8") as file:
        file.write(config.text)
    result = double.terraform(root, "init", "-lockfile=readonly", "-plugin-dir", tool("PLUGINS"), "-backend-config=../backend.hcl",
                              "-backend-config=use_path_style=true")
    Tap.ok(result.status == 0, "double: dev finds its state by what bootstrap says", result.text)
    result = double.terraform(root, "apply", "-auto-approve")
    if not Tap.ok(result.status == 0, "double: dev is applied", result.text):
        return False
    result = double.terraform(root, "plan", "-detailed-exitcode")
    return Tap.ok(result.status == 0, "double: dev's second plan says nothing", result.text)


def check_made(made):
    Tap.ok(len(made["subnets"]) == 6 and len({zone for zone, _, _ in made["subnets"]}) == 3 and len(made["nat_gateways"]) == 1,
           "double: six subnets in three zones, one NAT gateway", made["subnets"])
    Tap.ok(made["clusters"] == ["trivet-dev"], "double: the cluster is there", made["clusters"])
    default = made["groups"]["default"]
    Tap.ok(default == {"in": [], "out": []}, "double: the default security group has no rules", default)
    world = [(name, rule) for name, group in made["groups"].items() for rule in group["in"]
             if any(entry.get("CidrIp") == "0.0.0.0/0" for entry in rule.get("IpRanges", [])) or rule["IpProtocol"] == "-1"]
    Tap.ok(len(made["groups"]) == 7 and not world, "double: no group of seven lets in the world, or every protocol", world or list(made["groups"]))
    open_stores = {name: [[rule["FromPort"], rule["ToPort"], len(rule["UserIdGroupPairs"]), rule["IpRanges"]] for rule in made["groups"]["trivet-dev-" + name]["in"]]
                   for name in ("mysql", "mongo", "redis")}
    Tap.ok(open_stores == {"mysql": [[3306, 3306, 1, []]], "mongo": [[27017, 27017, 1, []]], "redis": [[6379, 6379, 1, []]]},
           "double: a store takes one group on one port", open_stores)
    Tap.ok(made["log_groups"] and all(days == 30 and key for days, key in made["log_groups"].values()),
           "double: every log group has an end and a key", made["log_groups"])
    pipeline = made["roles"]["trivet-dev-pipeline"]
    deploy = pipeline["inline"]["deploy"]["Statement"]
    Tap.ok(pipeline["attached"] == [] and deploy == {**deploy, "Action": "eks:DescribeCluster", "Effect": "Allow"}
           and deploy["Resource"].endswith(":cluster/trivet-dev") if isinstance(deploy, dict) else
           [s["Action"] for s in deploy] == ["eks:DescribeCluster"] and deploy[0]["Resource"].endswith(":cluster/trivet-dev"),
           "double: the pipeline may describe the one cluster", pipeline)
    trust = json.dumps(pipeline["trust"])
    Tap.ok('"jenkins.example.com/oidc:sub": "https://jenkins.example.com/job/trivet/job/main/"' in trust and "StringEquals" in trust
           and "StringLike" not in trust, "double: and is taken on by the one job", trust)
    nodes = made["roles"]["trivet-dev-node"]
    Tap.ok(sorted(nodes["attached"]) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"] and not nodes["inline"],
           "double: a node may join and pull", nodes)
    check_secrets(made)


def check_secrets(made):
    word = r"([A-Za-z0-9]{40})"
    wanted = {"mysql": r"mysql://trivet_authenticator:%s@mysql\.trivet\.test:3306/trivet\?ssl=verify&ca=/etc/trivet/ca/rds\.pem" % word,
              "mongo": r"mongodb://trivet:%s@mongo\.trivet\.test:27017/\?tls=true&tlsCAFile=/etc/trivet/ca/rds\.pem&replicaSet=rs0&retryWrites=false" % word}
    passwords = []
    for store, pattern in wanted.items():
        login = made["secrets"]["trivet/trivet-dev/" + store]
        found = re.fullmatch(pattern, login["url"])
        passwords.append(login["password"])
        Tap.ok(found and found.group(1) == login["password"], "double: %s's secret holds a URL with its password" % store,
               login["url"].replace(login["password"], "..."))
    exporters = made["secrets"]["trivet/trivet-dev/exporters"]
    wanted = {"mysqld_cnf": r"\[client\]\nhost=mysql\.trivet\.test\nport=3306\nuser=exporter\npassword=%s\nssl-ca=/etc/trivet/ca/rds\.pem\n" % word,
              "mongodb_uri": r"mongodb://exporter:%s@mongo\.trivet\.test:27017/\?tls=true&tlsCAFile=/etc/trivet/ca/rds\.pem&retryWrites=false" % word,
              "redis_password": word}
    found = {part: re.fullmatch(pattern, exporters[part]) for part, pattern in wanted.items()}
    Tap.ok(all(found.values()) and exporters["redis_address"] == "rediss://redis.trivet.test:6379",
           "double: the exporters' secret holds what each of them signs in with", [part for part in wanted if not found[part]])
    passwords += [match.group(1) for part, match in found.items() if match and part != "redis_password"]
    others = [made["secrets"]["trivet/trivet-dev/redis"]["password"], exporters["redis_password"]]
    Tap.ok(len(set(passwords + others)) == 6, "double: the passwords differ")
    read = made["roles"]["trivet-dev-external-secrets"]["inline"]["read-logins"]["Statement"][0]["Resource"]
    names = sorted(re.search(r":secret:(.*?)-\w{6}$", arn).group(1) for arn in read)
    Tap.ok(names == ["trivet/trivet-dev/" + login for login in ("exporters", "mongo", "mysql", "redis")],
           "double: External Secrets may read these four, and nothing else", read)
    state = made["buckets"][BUCKET]["objects"][STATE]
    Tap.ok(state and json.loads(state)["resources"] and not any(password in state for password in passwords),
           "double: the state is in the bucket, and no password of MySQL and DocumentDB in it")


def check_lock(double):
    held = json.dumps({"ID": "11111111-2222-3333-4444-555555555555", "Operation": "OperationTypeApply", "Who": "someone@else", "Version": "1.11.4"})
    double.aws("put", BUCKET, STATE + ".tflock", held)
    result = double.terraform("environments/dev", "plan")
    Tap.ok(result.status == 1 and "Error acquiring the state lock" in result.text and "someone@else" in result.text,
           "double: a state that somebody else holds is left alone, and says who", result.text)
    double.aws("delete", BUCKET, STATE + ".tflock")


def check_destroy(double):
    result = double.terraform("environments/dev", "destroy", "-auto-approve")
    Tap.ok(result.status == 0, "double: dev is destroyed", result.text)
    left = double.aws("facts")
    rest = {what: left[what] for what in ("vpcs", "clusters", "roles", "secrets", "log_groups") if left[what]}
    Tap.ok(not rest, "double: and leaves nothing behind", rest)
