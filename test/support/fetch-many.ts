/** Fetches the upstream of a clone many times at once: `node _fetch-many.ts CHECKOUT MODE COUNT`. Prints the results as JSON. */
import { join } from 'node:path'
import { fetchUpstream, type FetchOptions } from '../../lib/git/fetch.ts'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import { findUpstream } from '../../lib/git/upstream.ts'

const [root = '', mode = '', count = '0'] = process.argv.slice(2)
const place = { gitDir: join(root, '.git'), workTree: root }
const config = await loadGitConfig(place)
const upstream = await findUpstream(place, config)
if (upstream === undefined || (mode !== 'stale' && mode !== 'always')) throw new Error('wrong usage')
const ignore = (): void => {}
const options: FetchOptions = {
  place,
  config,
  commonDir: join(root, '.git'),
  upstream,
  mode,
  staleAfterMs: 60_000,
  timeoutMs: 20_000,
  reporter: { info: ignore, warn: ignore, progress: ignore },
}
const results = await Promise.all(Array.from({ length: Number(count) }, () => fetchUpstream(options)))
process.stdout.write(JSON.stringify(results))
