#!/usr/bin/env bash
# The article's approach, as it was published: one bash script for WorktreeCreate. Left out is .claude/worktrees in the copy
# of .claude, which would be copied into itself without end. Without ARTICLE_IMAGE there is no docker, and the database is a
# SQLite file, copied by cp; with it a container, on loopback here, and with ARTICLE_LABEL, so that it is found again.
set -e
payload=$(cat)
if command -v jq > /dev/null; then
  name=$(jq -r .name <<< "$payload")
else
  name=$(sed -n 's/.*"name" *: *"\([^"]*\)".*/\1/p' <<< "$payload")
fi
main=$PWD
worktree=$main/.claude/worktrees/$name

git worktree add ".claude/worktrees/$name" -b "worktree-$name" >&2
cd "$worktree"
git fetch origin main > /dev/null 2>&1 || true
git rebase origin/main > /dev/null 2>&1 || true

cp "$main/CLAUDE.md" . 2> /dev/null || true
mkdir -p .claude
for entry in "$main"/.claude/*; do
  [ "$entry" = "$main/.claude/worktrees" ] || cp -r "$entry" .claude/ 2> /dev/null || true
done

if [ -d "$main/node_modules" ]; then ln -s "$main/node_modules" node_modules; fi
if [ -d "$main/.venv" ]; then ln -s "$main/.venv" .venv; fi
if [ -f "$main/dev.db" ]; then cp "$main/dev.db" dev.db; fi

port=$((4000 + RANDOM % 1000))
database_port=$((5430 + RANDOM % 50))
if [ -f "$main/.env.agent.template" ]; then
  sed -e "s|\$AGENT_DYNAMIC_PORT|$port|g" -e "s|\$DYNAMIC_DB_PORT|$database_port|g" \
    "$main/.env.agent.template" > .env.local
else
  printf 'PORT=%s\nDATABASE_URL="file:%s/dev.db"\nNODE_ENV="test"\n' "$port" "$worktree" > .env.local
fi
if [ -n "${ARTICLE_IMAGE:-}" ]; then
  docker run -d --name "db-$name" --label "$ARTICLE_LABEL" -e POSTGRES_PASSWORD=secret -p "127.0.0.1:$database_port:5432" \
    "$ARTICLE_IMAGE" > /dev/null
fi
echo "$worktree"
