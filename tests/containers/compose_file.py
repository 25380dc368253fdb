#!/usr/bin/env python3
"""compose_file: what docker-compose.yml promises of every service, read from what compose makes of it (config --format json). TAP
lines on standard output.

usage: compose_file.py CONFIG.json"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    CONFIG = json.load(file)
SERVICES = CONFIG["services"]
STORES = {"mysql": {"app", "mysqld-exporter"}, "mongo": {"app", "mongodb-exporter"}, "redis": {"app", "redis-exporter"}}
failed = 0


def check(what, wrong):
    global failed
    wrong = list(wrong)
    for line in wrong[:20]:
        print("# %s" % (line,))
    print("%s - compose: %s" % ("not ok" if wrong else "ok", what))
    failed += bool(wrong)


def networks(service):
    return set(SERVICES[service].get("networks") or {})


def members(network):
    return {service for service in SERVICES if network in networks(service)}


def each(rule):
    return [name for name, service in SERVICES.items() if not rule(service)]


def numeric(user):
    parts = (user or "").split(":")
    return len(parts) == 2 and all(part.isdigit() for part in parts) and int(parts[0]) > 0


def limits(service):
    found = service.get("deploy", {}).get("resources", {}).get("limits", {})
    return all(found.get(name) for name in ("cpus", "memory", "pids"))


check("all services are there", {"nginx", "app", "mysql", "mongo", "redis", "prometheus", "grafana", "alertmanager", "jaeger",
                                 "mysqld-exporter", "mongodb-exporter", "redis-exporter", "nginx-exporter"} - set(SERVICES))
check("every root is read-only", each(lambda service: service.get("read_only") is True))
check("no capability is left", each(lambda service: service.get("cap_drop") == ["ALL"] and not service.get("cap_add")))
check("no new privileges", each(lambda service: "no-new-privileges:true" in service.get("security_opt", [])))
check("users are numbers, not root", each(lambda service: numeric(service.get("user"))))
check("processors, memory and processes are limited", each(limits))
check("logs rotate", each(lambda service: {"max-size", "max-file"} <= set(service.get("logging", {}).get("options", {}))))
check("nothing is privileged, nothing shares a namespace of the host",
      each(lambda service: not any(service.get(key) for key in ("privileged", "network_mode", "pid", "ipc", "devices", "userns_mode"))))
check("everything starts again by itself", each(lambda service: service.get("restart") == "unless-stopped"))
check("images have a version of their own, never latest", each(lambda service: ":" in service["image"] and not service["image"].endswith(":latest")))
check("ports are published on the loopback alone",
      ["%s %s" % (name, port) for name, service in SERVICES.items() for port in service.get("ports", []) if port.get("host_ip") != "127.0.0.1"])
check("the stores publish nothing", [name for name in STORES if SERVICES[name].get("ports")])
check("by default only Trivet and its stores run",
      [name for name, service in SERVICES.items() if (not service.get("profiles")) != (name in {"nginx", "app", *STORES})])
for store, guests in STORES.items():
    check("the network %s is closed, and only app and the exporter join" % store,
          [] if CONFIG["networks"][store].get("internal") and members(store) == {store} | guests and networks(store) == {store}
          else [sorted(members(store)), CONFIG["networks"][store]])
# An engine ignores an option that it does not know, or refuses the network: only what the oldest one that will do knows.
OPTIONS = {"com.docker.network.bridge." + name for name in ("enable_ip_masquerade", "enable_icc", "inhibit_ipv4")}
check("a closed network has no address on the host's side",
      [name for name, network in CONFIG["networks"].items() if network.get("internal")
       and (network.get("driver_opts") or {}).get("com.docker.network.bridge.inhibit_ipv4") != "true"])
check("no network has an option that Docker Engine 26 does not know",
      ["%s: %s" % (name, option) for name, network in CONFIG["networks"].items()
       for option in set(network.get("driver_opts") or {}) - OPTIONS])
check("nginx and app have no network in common", networks("nginx") & networks("app"))
check("they share the sockets, nginx to read only",
      [] if [volume.get("read_only", False) for name in ("app", "nginx") for volume in SERVICES[name]["volumes"]
             if volume["source"] == "sockets" and volume["target"] == "/run/trivet"] == [False, True] else ["not so"])
check("app is on closed networks alone", [name for name in networks("app") if not CONFIG["networks"][name].get("internal")])
check("passwords are files, not variables",
      ["%s %s" % (name, key) for name, service in SERVICES.items() for key in service.get("environment") or {}
       if any(word in key for word in ("PASSWORD", "SECRET", "TOKEN", "URL")) and not key.endswith(("_FILE", "__FILE"))])
check("starting waits for health: nginx for app, app for the stores",
      [name for name, needs in (("nginx", {"app"}), ("app", set(STORES)))
       if {need for need, how in SERVICES[name]["depends_on"].items() if how["condition"] == "service_healthy"} != needs])
# A server that is being set up answers a ping on its own loopback, before there are accounts.
check("MySQL and MongoDB are well when the workers' login gets in",
      [name for name, script in (("mysql", "/usr/local/bin/healthy.sh"), ("mongo", "/usr/local/share/healthy.js"))
       if script not in SERVICES[name]["healthcheck"]["test"]
       or not [volume for volume in SERVICES[name]["volumes"] if volume["target"] == script]
       or name + "_password" not in {secret["source"] for secret in SERVICES[name]["secrets"]}])
check("stopping has the time that draining takes",
      [name for name, least in (("nginx", "1m20s"), ("app", "40s")) if SERVICES[name].get("stop_grace_period") != least])
sys.exit(failed != 0)
