"""play.py: turns the pod of an overlay into one that `podman kube play` takes. Everything that differs from Kubernetes is here, and
nowhere else; what is not named below is played as it is rendered."""

import copy

import manifests

# What a pod of the test has as its stores' addresses, by the keys of the external secret.
SECRET = "trivet-stores"


def pod(overlay, name, scale=None):
    """The Pod's manifest. scale: settings to override, for tests that need a small or a slow pod."""
    template = copy.deepcopy(manifests.find(overlay, "Deployment", "trivet")["spec"]["template"])
    spec = template["spec"]

    # 1. podman waits for an init container to end, also for one that is to be restarted. So sidecars become containers, in
    #    front of the others; kubelet.py starts and stops them in the order that the manifest means.
    for container in spec["initContainers"]:
        container.pop("restartPolicy")
    spec["containers"] = spec.pop("initContainers") + spec["containers"]
    spec["restartPolicy"] = "Always"

    # 2. The exporter's image cannot be had without a registry; it takes no part in serving.
    spec["containers"] = [one for one in spec["containers"] if one["name"] in ("app", "nginx")]

    for container in spec["containers"]:
        # 3. Probes and hooks are the kubelet's work: kubelet.py does what the manifest says of them.
        for probe in ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle"):
            container.pop(probe, None)
        # 4. Images were loaded, no registry is asked.
        container["imagePullPolicy"] = "Never"
        # 5. Requests are for the scheduler, and ephemeral storage for the kubelet; limits of memory stay.
        limits = container.pop("resources")["limits"]
        container["resources"] = {"limits": {"memory": limits["memory"]}}

    # 6. podman gives a volume in memory to each container for itself, and no fsGroup to any. A plain one is shared, with owner and
    #    mode of the image's directory: what the kubelet makes by fsGroup, the image brings.
    #    It is named after the volume alone, so that two pods would share it: here it gets the pod's name as well.
    for volume in spec["volumes"]:
        if "emptyDir" in volume:
            own = "%s-%s" % (name, volume["name"])
            for mount in (mount for one in spec["containers"] for mount in one["volumeMounts"] if mount["name"] == volume["name"]):
                mount["name"] = own
            volume.update(name=own, emptyDir={})
    # 7. Nor does it give a secret's files to a group: they are readable for all, in a pod where only app mounts them.
        if "secret" in volume:
            volume["secret"]["defaultMode"] = 0o444
    spec["securityContext"].pop("fsGroup", None)

    # 8. No cluster: no account, no zones.
    for field in ("serviceAccountName", "topologySpreadConstraints"):
        spec.pop(field, None)
    made = {"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "labels": template["metadata"]["labels"]}}
    return [_config(overlay, scale), made]


def _config(overlay, scale):
    """The ConfigMap that the pod refers to. 9. No collector of telemetry is there."""
    config = copy.deepcopy(manifests.find(overlay, "ConfigMap", "trivet"))
    config["data"].pop("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None)
    config["data"].update(scale or {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config["metadata"]["name"]}, "data": config["data"]}


def secret(addresses):
    """The Secret that the external secret would make, with addresses of the test's stores (store -> URL)."""
    external = manifests.find("production", "ExternalSecret", SECRET)["spec"]
    keys = {one["secretKey"]: one["secretKey"].removesuffix("-url") for one in external["data"]}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": external["target"]["name"]},
            "stringData": {key: addresses[store] for key, store in keys.items()}}
