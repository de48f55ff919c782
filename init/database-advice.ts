/** What a user should know about the database that `init` chose, or did not choose. Pure. */
import type { Answers } from './answers.ts'
import type { Detection } from '../detect/detect.ts'
import { findPostgresService, usesPostgres } from '../detect/postgres.ts'
import { visible } from '../lib/report/visible-text.ts'

/** One paragraph each. */
export function adviseOnDatabase({ database }: Pick<Answers, 'database'>, detection: Detection): string[] {
  if (database.provider !== 'none' || !usesPostgres(detection)) return []
  const service = findPostgresService(detection.compose)
  const isStarted = service !== undefined && Object.hasOwn(detection.portNames.compose, service.name)
  const what = isStarted
    ? `In a worktree, docker compose up -d ${visible(service.name)} starts a PostgreSQL of its own, empty at first. For one that is there at once:`
    : 'This project is on PostgreSQL, and every worktree will use the same database. To give each one of its own:'
  return [
    `${what}\n` +
      '  npx agent-isolate init --database postgres-docker\n' +
      '  npx agent-isolate init --database postgres-server --url-variable NAME',
  ]
}

/** Compose files that a database may well be in. One paragraph each. */
export function describeUnread({ compose }: Pick<Detection, 'compose'>): string[] {
  return compose.flatMap(({ path, fault }) =>
    fault === undefined
      ? []
      : visible(`${path} could not be read, so a database in it was not seen: line ${fault.line}: ${fault.message}`),
  )
}
