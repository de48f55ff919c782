/** The doctor's checks, in the order in which their findings are shown. */
import type { Check } from './check.ts'
import { databaseCheck } from './check-database.ts'
import { generatedCheck } from './check-generated.ts'
import { hooksCheck, settingsCheck } from './check-hooks.ts'
import { leasesCheck } from './check-leases.ts'
import { frameworksCheck } from './check-frameworks.ts'
import { portsCheck } from './check-ports.ts'
import { configCheck, gitCheck, ignoreCheck, templateCheck, upstreamCheck } from './check-repository.ts'
import { templateFileCheck } from './check-template-file.ts'
import { servicesCheck } from './check-services.ts'
import { runnersCheck } from './check-runners.ts'
import { sharedDatabasesCheck } from './check-shared-databases.ts'
import { shellToolsCheck } from './check-shell-tools.ts'
import { stacksCheck } from './check-stacks.ts'
import { toolsCheck } from './check-tools.ts'

export const checks: readonly Check[] = [
  gitCheck,
  settingsCheck,
  hooksCheck,
  configCheck,
  templateCheck,
  templateFileCheck,
  ignoreCheck,
  databaseCheck,
  servicesCheck,
  upstreamCheck,
  leasesCheck,
  portsCheck,
  frameworksCheck,
  sharedDatabasesCheck,
  stacksCheck,
  toolsCheck,
  runnersCheck,
  shellToolsCheck,
  generatedCheck,
]
