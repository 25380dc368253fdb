"""double_aws.py: what only an AWS client can ask or do at the double. Run by moto's own Python, which has boto3; prints JSON.

usage: double_aws.py facts | drop-bucket-policy BUCKET | put BUCKET KEY TEXT | delete BUCKET KEY"""

import json
import sys

import boto3


def facts():
    ec2, iam, eks = boto3.client("ec2"), boto3.client("iam"), boto3.client("eks")
    secrets, s3, logs = boto3.client("secretsmanager"), boto3.client("s3"), boto3.client("logs")
    ours = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    mine = [{"Name": "vpc-id", "Values": ours or ["none"]}]
    roles = [role for role in iam.list_roles(MaxItems=1000)["Roles"] if role["RoleName"].startswith("trivet-")]
    return {
        "vpcs": ours,
        "subnets": [[s["AvailabilityZone"], s["CidrBlock"], s["MapPublicIpOnLaunch"]] for s in ec2.describe_subnets(Filters=mine)["Subnets"]],
        "nat_gateways": [n["NatGatewayId"] for n in ec2.describe_nat_gateways(Filters=mine)["NatGateways"] if n["State"] == "available"],
        "groups": {g["GroupName"]: {"in": g["IpPermissions"], "out": g["IpPermissionsEgress"]}
                   for g in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]},
        "clusters": eks.list_clusters()["clusters"],
        "roles": {role["RoleName"]: {
            "trust": role["AssumeRolePolicyDocument"],
            "inline": {name: iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
                       for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]},
            "attached": [p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]],
        } for role in roles},
        "secrets": {s["Name"]: json.loads(secrets.get_secret_value(SecretId=s["ARN"]).get("SecretString", "null"))
                    for s in secrets.list_secrets()["SecretList"]},
        "buckets": {b["Name"]: bucket(s3, b["Name"]) for b in s3.list_buckets()["Buckets"]},
        "log_groups": {g["logGroupName"]: [g.get("retentionInDays"), g.get("kmsKeyId")] for g in logs.describe_log_groups()["logGroups"]},
    }


def bucket(s3, name):
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    except s3.exceptions.ClientError:
        policy = None
    return {
        "policy": policy,
        "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
        "encryption": s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"],
        "public": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
        "objects": {o["Key"]: s3.get_object(Bucket=name, Key=o["Key"])["Body"].read().decode()
                    for o in s3.list_objects_v2(Bucket=name).get("Contents", [])},
    }


def main(command, *arguments):
    if command == "facts":
        return facts()
    s3 = boto3.client("s3")
    if command == "drop-bucket-policy":
        s3.delete_bucket_policy(Bucket=arguments[0])
    elif command == "put":
        s3.put_object(Bucket=arguments[0], Key=arguments[1], Body=arguments[2].encode())
    elif command == "delete":
        s3.delete_object(Bucket=arguments[0], Key=arguments[1])
    else:
        sys.exit("no such command: " + command)
    return None


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:]), default=str))
