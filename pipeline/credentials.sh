#!/usr/bin/env bash
# credentials.sh: makes the build act as the environment's deploy role, for an hour, and proves that it does. Writes the AWS
# tools' configuration into the build's private directory; what is in ~/.aws or in the machine's own role does not count.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/credentials.sh ENVIRONMENT

  TRIVET_STAGING_ROLE_ARN, ...  the role to act as (TRIVET_<ENVIRONMENT>_ROLE_ARN)
  AWS_WEB_IDENTITY_TOKEN_FILE   file with the identity token that the role trusts: the way it should be

Only where the build server cannot issue tokens: TRIVET_AWS_STATIC_KEYS=yes takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to
assume that same role with; the role has to let their user in (static_principals in terraform/environments). Such keys do not expire by
themselves, and every branch can use them: docs/release.md says what that gives up and how to rotate them.' "$@"
[ $# = 1 ] || bad_usage "name one environment"
# Before they are put aside: nothing but this script is to see static keys.
key=${AWS_ACCESS_KEY_ID:-} secret=${AWS_SECRET_ACCESS_KEY:-}
use_environment "$1"
need aws

need_variable "TRIVET_${environment^^}_ROLE_ARN" "the role that deploys to $environment"
[[ $role_arn =~ ^arn:aws[a-z-]*:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_/-]+)$ ]] || die "'$role_arn' is no ARN of a role."
role_name=${BASH_REMATCH[1]##*/}
prepare_private_dir
session=trivet-${BUILD_NUMBER:-$(id -un)}
{
    printf '[profile %s]\nrole_arn = %s\nregion = %s\nrole_session_name = %s\n' "$AWS_PROFILE" "$role_arn" "$region" \
        "${session//[^A-Za-z0-9+=,.@-]/-}"
    if [ -n "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ]; then
        printf 'web_identity_token_file = %s\n' "$AWS_WEB_IDENTITY_TOKEN_FILE"
    else
        printf 'source_profile = trivet-static\n'
    fi
} >"$AWS_CONFIG_FILE"
: >"$AWS_SHARED_CREDENTIALS_FILE"
if [ -n "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ]; then
    [ -s "$AWS_WEB_IDENTITY_TOKEN_FILE" ] || die "AWS_WEB_IDENTITY_TOKEN_FILE names no file with a token in it."
elif [ "${TRIVET_AWS_STATIC_KEYS:-}" = yes ]; then
    [[ -n $key && -n $secret ]] || die "TRIVET_AWS_STATIC_KEYS=yes, but AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set."
    complain "using static keys to assume the role; a web identity would need none."
    printf '[trivet-static]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$key" "$secret" >"$AWS_SHARED_CREDENTIALS_FILE"
else
    die "no identity: set AWS_WEB_IDENTITY_TOKEN_FILE (or, where that cannot be had, TRIVET_AWS_STATIC_KEYS=yes and keys)."
fi

identity=$(aws sts get-caller-identity --query Arn --output text) || die "AWS does not let this build act as $role_arn."
[[ $identity == *":assumed-role/$role_name/"* ]] || die "this build acts as $identity, not as $role_arn."
say "acting as $identity"
