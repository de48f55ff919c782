import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folders = ['hooks', 'lib', 'cli', 'init', 'doctor', 'detect']

/** What each file imports, late imports and types included; paths from the top of the repository. */
function loadImports(): Map<string, string[]> {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(folder, name)),
  )
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      const targets = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(([, target = '']) => target)
      return [file, targets.map((target) => posix.join(posix.dirname(file), target))]
    }),
  )
}

/** `lib/git`, or `cli`. */
function roomOf(file: string): string {
  const [top = '', inner = ''] = file.split('/')
  return top === 'lib' ? `${top}/${inner}` : top
}

/** One way round a circle; undefined where there is none. */
function findCircle(arrows: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const visit = (place: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(place)) return [...path.slice(path.indexOf(place)), place]
    if (done.has(place)) return undefined
    for (const next of arrows.get(place) ?? []) {
      const circle = visit(next, [...path, place])
      if (circle !== undefined) return circle
    }
    done.add(place)
    return undefined
  }
  for (const place of arrows.keys()) {
    const circle = visit(place, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

test('no file imports itself by way of others', () => {
  assert.deepEqual(findCircle(loadImports()), undefined)
})

test('no room imports itself by way of others', () => {
  const rooms = new Map<string, string[]>()
  for (const [file, targets] of loadImports()) {
    const others = targets.map(roomOf).filter((room) => room !== roomOf(file))
    rooms.set(roomOf(file), [...new Set([...(rooms.get(roomOf(file)) ?? []), ...others])])
  }
  assert.deepEqual(findCircle(rooms), undefined)
})

test('lib never looks up: neither to the command line nor to what edits files', () => {
  for (const [file, targets] of loadImports()) {
    if (!/^(?:hooks|lib)\//.test(file)) continue
    for (const target of targets) assert.match(target, /^lib\//, `${file} imports ${target}`)
  }
})
