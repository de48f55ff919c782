#!/usr/bin/env bash
# usage: postgres-image.sh IMAGE
# Makes a container image that behaves as the official postgres image does, out of this machine's newest PostgreSQL and
# `docker import`: no registry, no base image. About 80 MB, a few seconds. What the tests rely on:
#   POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS and /docker-entrypoint-initdb.d/*.sql, as there;
#   on its first boot the server starts twice, the first time on its unix socket alone, as there;
#   TEST_INIT_SLEEP=SECONDS makes that first start last longer;
#   TEST_INIT_FAIL=MESSAGE makes the container end at its start with exit code 1 and that line in its log.
set -euo pipefail
image=${1:?usage: postgres-image.sh IMAGE}

version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort --version-sort | tail -n 1)
bin=/usr/lib/postgresql/$version/bin
lib=/usr/lib/postgresql/$version/lib
share=/usr/share/postgresql/$version
tools=(sh cat chmod chown id ls mkdir rm setpriv sleep)
programs=(postgres initdb pg_ctl pg_isready psql pg_dump pg_restore)
modules=("$lib"/plpgsql.so "$lib"/dict_snowball.so "$lib"/*_and_*.so)

root=$(mktemp -d "${TMPDIR:-/tmp}/postgres-image.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{usr/bin,etc,run/postgresql,docker-entrypoint-initdb.d,usr/share/zoneinfo,var/lib/postgresql/data}
mkdir -p "$root$bin" "$root$lib" "$root$share/extension"
mkdir -m 1777 "$root/tmp"
ln -s usr/bin "$root/bin"
ln -s ../run "$root/var/run"

for tool in "${tools[@]}"; do cp -L "$(command -v "$tool")" "$root/usr/bin/"; done
for program in "${programs[@]}"; do
  cp -L "$bin/$program" "$root$bin/"
  ln -s "$bin/$program" "$root/usr/bin/"
done
cp "${modules[@]}" "$root$lib/"
find "$share" -mindepth 1 -maxdepth 1 ! -name man ! -name extension -exec cp -r {} "$root$share/" \;
cp "$share"/extension/plpgsql* "$root$share/extension/"
cp -L /usr/share/zoneinfo/{UTC,GMT} "$root/usr/share/zoneinfo/"

# The shared libraries of all of these, and the loader, each where it is on this machine.
ldd "$root"/usr/bin/* "$root$bin"/* "$root$lib"/* | grep -o '/[^ :]*' | sort --unique | while read -r library; do
  if [[ $library == "$root"* ]]; then continue; fi
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/:/bin/sh
postgres:x:999:999::/var/lib/postgresql:/bin/sh
END
cat >"$root/etc/group" <<'END'
root:x:0:
postgres:x:999:
END
echo 'passwd: files' >"$root/etc/nsswitch.conf"

cat >"$root/usr/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
set -e
case "$1" in -* | '') set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"
if [ -n "$TEST_INIT_FAIL" ]; then
  echo "$TEST_INIT_FAIL" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$0" "$@"
fi

initialise() {
  if [ -z "$POSTGRES_PASSWORD" ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    exit 1
  fi
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password)
  # Unquoted: several arguments.
  initdb --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C $POSTGRES_INITDB_ARGS
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  pg_ctl --silent --wait -o "-c listen_addresses='' -c fsync=off -k /run/postgresql" start
  run_sql() { psql --quiet --no-psqlrc --host=/run/postgresql --username="$user" --set=ON_ERROR_STOP=1 "$@"; }
  if [ "$database" != postgres ]; then
    echo 'CREATE DATABASE :"name"' | run_sql --dbname=postgres --set=name="$database"
  fi
  for file in /docker-entrypoint-initdb.d/*.sql; do
    if [ -e "$file" ]; then run_sql --dbname="$database" --file="$file"; fi
  done
  if [ -n "$TEST_INIT_SLEEP" ]; then sleep "$TEST_INIT_SLEEP"; fi
  pg_ctl --silent --wait --mode=fast stop
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then initialise; fi
exec "$@" -k /run/postgresql
END
chmod 755 "$root/usr/bin/docker-entrypoint.sh"

tar --create --directory="$root" --owner=0 --group=0 . |
  docker import \
    --change 'ENV PATH=/usr/bin PGDATA=/var/lib/postgresql/data' \
    --change 'ENTRYPOINT ["/usr/bin/docker-entrypoint.sh"]' \
    --change 'CMD ["postgres"]' \
    --change 'EXPOSE 5432' \
    --change 'VOLUME /var/lib/postgresql/data' \
    - "$image"
