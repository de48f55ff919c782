/** Trust in what a repository brings along: whoever answers the wizard and sees the result has read it. */
import { loadProject } from '../lib/project/project.ts'
import { trust } from '../lib/project/trust.ts'
import type { InitPlace } from './answers.ts'

/** To be called once the plan is carried out: trust is in the exact text of agent-isolate.json. */
export async function recordTrust({ root }: InitPlace): Promise<void> {
  const { trustee } = await loadProject(root)
  await trust(trustee)
}
