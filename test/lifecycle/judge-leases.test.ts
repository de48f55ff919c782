import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeLease, type LeaseFacts, type Verdict } from '../../lib/lifecycle/judge-leases.ts'
import { adviceOn } from '../../lib/lifecycle/lease-advice.ts'
import { parseLease, renderLease, type Lease, type LeaseState } from '../../lib/ledger/lease.ts'

const lease: Lease = {
  id: '0123456789abcdef',
  block: 20410,
  ports: { app: 20410 },
  worktree: '/repo/.claude/worktrees/x',
  commonDir: '/repo/.git',
  root: '/repo',
  name: 'x',
  branch: 'worktree-x',
  state: 'ready',
  maker: { pid: 1, startTime: '1', bootId: 'boot', host: 'host', machine: '', pidNamespace: undefined },
  resources: [{ kind: 'worktree' }],
  createdAt: '2026-01-01T00:00:00.000Z',
}

const there: LeaseFacts = {
  isMakerAlive: false,
  folderExists: true,
  isMarked: true,
  isAstray: false,
  isRepositoryThere: true,
  listed: { isLocked: false },
  isClaimed: false,
}

/** The facts that can be told apart, each as a change of "all is there, and nobody is at it". */
const situations = {
  there,
  'its maker lives': { ...there, isMakerAlive: true },
  'something else is there': { ...there, isMarked: false },
  'the folder is gone, unknown to git': { ...there, folderExists: false, isMarked: false, listed: undefined },
  'the folder is gone, known to git': { ...there, folderExists: false, isMarked: false },
  'the folder is gone, locked': { ...there, folderExists: false, isMarked: false, listed: { isLocked: true } },
  'moved, git not told': { ...there, isMarked: false, isAstray: true, listed: undefined },
  'the repository is gone': { ...there, folderExists: false, isMarked: false, isRepositoryThere: false },
  'its maker lives, the repository is gone': { ...there, isMakerAlive: true, isRepositoryThere: false },
} satisfies Record<string, LeaseFacts>

const settled = (whenThere: Verdict): Verdict[] => [
  whenThere,
  whenThere,
  whenThere,
  'release',
  'release',
  'keep',
  'repair',
  'out of reach',
  'out of reach',
]
const killed = (whenThere: Verdict): Verdict[] => [
  whenThere,
  'wait',
  'release',
  'release',
  'release',
  'release',
  'repair',
  'out of reach',
  'wait',
]

const table: Record<LeaseState, Verdict[]> = {
  ready: settled('use'),
  interrupted: settled('finish'),
  creating: killed('release'),
  preparing: killed('finish'),
  removing: killed('release'),
  discarding: killed('release'),
  postponed: killed('release'),
}

const states: readonly LeaseState[] = [
  'ready',
  'interrupted',
  'creating',
  'preparing',
  'removing',
  'discarding',
  'postponed',
]

test('every state in every situation has one verdict', () => {
  for (const state of states) {
    Object.entries(situations).forEach(([situation, facts], index) =>
      assert.equal(judgeLease({ ...lease, state }, facts), table[state][index], `${state}: ${situation}`),
    )
  }
})

test('another tool’s worktree that git still lists may come back', () => {
  const adopted: Lease = { ...lease, resources: [] }
  assert.equal(judgeLease(adopted, situations['the folder is gone, known to git']), 'keep')
  assert.equal(judgeLease(adopted, situations['the folder is gone, unknown to git']), 'release')
})

test('what worktrees share is in use while one has a claim', () => {
  const shared: Lease = { ...lease, isShared: true, worktree: '/repo/.git/agent-isolate-shared-database' }
  const unclaimed = { ...there, folderExists: false, isMarked: false, listed: undefined }
  assert.equal(judgeLease(shared, { ...unclaimed, isClaimed: true }), 'use')
  assert.equal(judgeLease(shared, unclaimed), 'release')
})

test('wherever something is the matter, it is said, with a command', () => {
  const verdicts: Verdict[] = ['wait', 'finish', 'release', 'keep', 'repair', 'out of reach']
  for (const state of states) {
    for (const verdict of verdicts)
      assert.match(adviceOn({ ...lease, state }, verdict)?.hint ?? '', /agent-isolate|git /)
    assert.equal(adviceOn({ ...lease, state }, 'use'), undefined)
  }
  assert.match(adviceOn({ ...lease, isMoved: true }, 'use')?.hint ?? '', /agent-isolate setup -C \/repo/)
})

test('what the ledger says of an interrupted or moved worktree is read back', () => {
  const moved: Lease = { ...lease, state: 'interrupted', isMoved: true }
  assert.deepEqual(parseLease(renderLease(moved)), moved)
})
