#!/bin/sh
# Prints every Secret that the manifests name, with fresh random values. Run it once and keep what it prints safe:
#
#   deploy/k8s/secrets.sh > secrets.yaml && kubectl apply --namespace kith -f secrets.yaml
#
# POSTGRES=host:port names a PostgreSQL of your own instead of the component's.
set -eu
postgres=${POSTGRES:-postgres-rw:5432}

# A letter first: NATS reads what looks like a number as one.
random() { printf 'k%s' "$(openssl rand -hex 24)"; }

secret() { # name, type, key=value …
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s}\ntype: %s\nstringData:\n' "$1" "$2"
  shift 2
  for pair in "$@"; do printf '  %s: "%s"\n' "${pair%%=*}" "${pair#*=}"; done
}

for service in identity matching groups recognition metrics delivery; do
  urls=
  for role in owner api worker; do
    password=$(random)
    secret "postgres-$service-$role" kubernetes.io/basic-auth "username=${service}_$role" "password=$password"
    urls="$urls $role-url=postgresql://${service}_$role:$password@$postgres/kith_$service"
  done
  # shellcheck disable=SC2086 # three words
  secret "$service-database" Opaque $urls
done
secret identity-signing-key Opaque "seed=$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n')"
secret nats-login Opaque "password=$(random)" "peer-password=$(random)"
secret nats-gateway Opaque "password=$(random)"
