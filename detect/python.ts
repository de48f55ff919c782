/** Python: who installs its packages, which ones are asked for, and the virtual environment. */
import { readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { findStatus } from '../lib/files/read-if-any.ts'
import type { ReadFile } from './repository-files.ts'

export type Python = {
  manager: 'uv' | 'poetry' | 'pipenv' | 'pdm' | 'pip'
  lockfile: string | undefined
  /** Names of packages as asked for, lower case with `-`. */
  dependencies: ReadonlySet<string>
  /** Goes before a command that needs the virtual environment: `uv run `, `poetry run `, or ''. */
  runPrefix: string
  /** Virtual environments at the top: their folders' names, and the packages in them that the files ask for. */
  environments: readonly { folder: string; packages: ReadonlySet<string> }[]
}

const managers: readonly (readonly [file: string, manager: Python['manager'], runPrefix: string])[] = [
  ['uv.lock', 'uv', 'uv run '],
  ['poetry.lock', 'poetry', 'poetry run '],
  ['pdm.lock', 'pdm', 'pdm run '],
  ['Pipfile.lock', 'pipenv', 'pipenv run '],
]

/** Undefined where nothing asks for Python packages. */
export function detectPython(root: string, files: readonly string[], read: ReadFile): Python | undefined {
  const wanted = files.filter((path) =>
    /^(pyproject\.toml|setup\.(py|cfg)|Pipfile|requirements[\w.-]*\.(txt|in))$/.test(posix.basename(path)),
  )
  const known = new Set(files)
  const manager = managers.find(([file]) => known.has(file))
  if (wanted.length === 0 && manager === undefined) return undefined
  const pyproject = read('pyproject.toml') ?? ''
  const declared = /^\[tool\.(uv|poetry|pdm)[\].]/m.exec(pyproject)?.[1]
  const [, name, runPrefix] = manager ?? managers.find(([, each]) => each === declared) ?? (['', 'pip', ''] as const)
  return {
    manager: name,
    lockfile: manager?.[0],
    dependencies: new Set(wanted.flatMap((path) => parseRequirements(read(path) ?? ''))),
    runPrefix,
    environments: ['.venv', 'venv'].flatMap((folder) => {
      const packages = listPackages(join(root, folder, 'lib'))
      return packages.length === 0 ? [] : [{ folder, packages: new Set(packages) }]
    }),
  }
}

/** Of each Python in an environment's `lib`. */
function listPackages(lib: string): string[] {
  return listFolder(lib).flatMap((python) => listFolder(join(lib, python, 'site-packages')))
}

function listFolder(folder: string): string[] {
  return findStatus(folder)?.isDirectory() === true ? readdirSync(folder) : []
}

/** Names at the start of a line or of a quoted item: good for requirements.txt, pyproject.toml, Pipfile and setup.py alike. */
export function parseRequirements(text: string): string[] {
  const names = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => [
      /^\s*([A-Za-z][\w.-]*)\s*(?:\[[\w, -]*\])?\s*(?:[=<>~!;@#].*)?$/.exec(line.trimEnd())?.[1] ?? [],
      ...[...line.matchAll(/["']([A-Za-z][\w.-]*)(?:\[[\w, -]*\])?\s*(?:[=<>~!;@][^"']*)?["']/g)].map(
        ([, name]) => name,
      ),
    ])
  return [...new Set(names.flat().map((name) => String(name).toLowerCase().replaceAll(/[_.]/g, '-')))]
}
