"""cost.py: does the arithmetic of docs/cost.md hold, and does it count what the environments make? It trusts the prices, which are
public lists' business, and nothing else."""

import ast
import operator
import os
import re

from harness import ENVIRONMENTS, SRC, TREE

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
ROW = re.compile(r"^\| (.+?) \| %s \| %s \| %s \| %s \|$" % ((NUMBER,) * 4))
TOTAL = re.compile(r"^\| \*\*together\*\* \| \| \| \| \*\*%s\*\* \|$" % NUMBER)
HOW = re.compile(r"^\| (.+?) \| `([^`]+)` \| %s \|$" % NUMBER)
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def section(text, name):
    return re.search(r"^## %s.*?(?=^## |\Z)" % name, text, re.MULTILINE | re.DOTALL).group(0)


def close(left, right):
    return abs(left - right) < 0.0051


def value(node):
    """A sum of numbers, as written; nothing else is taken."""
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](value(node.left), value(node.right))
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    raise ValueError("not a sum")


def checks():
    with open(os.path.join(SRC, "docs/cost.md"), encoding="utf-8") as file:
        text = file.read()
    names = [os.path.basename(root) for root in ENVIRONMENTS]
    for name in names:
        part = section(text, name)
        rows = [(found.group(1), *map(float, found.groups()[1:])) for found in map(ROW.match, part.splitlines()) if found]
        wrong = ["%s: %.2f" % (what, count * price * times) for what, count, price, times, sum_ in rows if not close(count * price * times, sum_)]
        yield len(rows) > 15 and not wrong, "cost of %s: %d lines are their products" % (name, len(rows)), "\n".join(wrong)
        total = float(next(found for found in map(TOTAL.match, part.splitlines()) if found).group(1))
        counted = sum(row[4] for row in rows)
        title = float(re.match(r"## \w+: about %s USD" % NUMBER, part).group(1))
        yield close(counted, total) and round(total) == title, "cost of %s: the sum is the sum, and the title's" % name, "%s, not %s" % (counted, total)
        yield from compared(name, text, {what: (count, price) for what, count, price, _, _ in rows})
    sums = [found for found in map(HOW.match, text.splitlines()) if found]
    wrong = ["%s: %s" % (found.group(1), value(ast.parse(found.group(2), mode="eval").body)) for found in sums
             if not close(value(ast.parse(found.group(2), mode="eval").body), float(found.group(3)))]
    yield len(sums) > 10 and not wrong, "cost: %d ways to grow and to save are their sums" % len(sums), "\n".join(wrong)
    totals = [float(found.group(1)) for found in map(TOTAL.match, text.splitlines()) if found]
    guesses = [float(number) for number in re.search(r"take (.*?) \(15 % more\)", text, re.DOTALL).group(1).replace(",", "").split()
               if number.isdigit()]
    yield guesses == [round(total * 1.15) for total in totals], "cost: 15 % more is 15 % more", "%s of %s" % (guesses, totals)


def compared(name, text, rows):
    """The counts and classes of the document against those in the environment's HCL."""
    with open(os.path.join(TREE, "environments", name, "main.tf"), encoding="utf-8") as file:
        hcl = file.read()
    with open(os.path.join(TREE, "modules/vpc/variables.tf"), encoding="utf-8") as file:
        services = len(re.search(r'"interface_endpoints".*?default\s*=\s*\[(.*?)\]', file.read(), re.DOTALL).group(1).split(","))

    with open(os.path.join(TREE, "modules/stores/logins.tf"), encoding="utf-8") as file:
        logins = re.search(r"  logins = \{\n(.*?)\n  \}", file.read(), re.DOTALL).group(1).count(" = ")

    def of(block, key):
        return re.search(r"%s = \{.*?\b%s\s*=\s*\"?([^\"\n]+?)\"?\n" % (block, key), hcl, re.DOTALL).group(1)

    groups = 1 if re.search(r'node_groups\s*=\s*"single"', hcl) else 3
    nodes = groups * int(re.search(r"initial = (\d+)", hcl).group(1))
    gateways = 1 if re.search(r'nat_gateways\s*=\s*"single"', hcl) else 3
    endpoints = 0 if re.search(r"interface_endpoints\s*=\s*\[\]", hcl) else 3 * services
    copies = 2 if of("mysql", "multi_az") == "true" else 1
    wanted = {
        "nodes, `%s`" % re.search(r'node_instance_types\s*=\s*\["([^"]+)"\]', hcl).group(1): nodes,
        "node disks, gp3 (GB)": nodes * 50,
        "RDS for MySQL, `%s`" % of("mysql", "instance_class"): copies,
        "MySQL storage, gp3": copies * int(of("mysql", "storage_gib")),
        "DocumentDB, `%s`" % of("documentdb", "instance_class"): int(of("documentdb", "instances")),
        "ElastiCache for Valkey, `%s`" % of("redis", "node_type"): int(of("redis", "nodes")),
        "NAT gateway": gateways,
        # The administrators of MySQL and DocumentDB have theirs made by AWS.
        "secrets": 2 + logins,
    }
    if endpoints:
        wanted["interface endpoints and zones"] = endpoints
    wrong = ["%s: %d" % (what, count) for what, count in wanted.items()
             if not any(row.startswith(what) and counted == count for row, (counted, _) in rows.items())]
    wrong += ["there are no interface endpoints"] if not endpoints and any(row.startswith("interface") for row in rows) else []
    if name == "production":
        more = groups * int(re.search(r"max = (\d+)", hcl).group(1)) - nodes
        wrong += [] if re.search(r"the node groups' maximum, .*\| `%d \* \(" % more, text) else ["up to the maximum it is %d nodes more" % more]
    yield not wrong, "cost of %s: %d lines count what the environment makes" % (name, len(wanted)), "\n".join(wrong)
