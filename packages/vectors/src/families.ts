import type { Family } from './family.js';
import { apply } from './families/apply.js';
import { cron } from './families/cron.js';
import { deployment } from './families/deployment.js';
import { endpointSlice } from './families/endpointslice.js';
import { fieldLabels } from './families/fieldlabels.js';
import { hpa } from './families/hpa.js';
import { lifecycle } from './families/lifecycle.js';
import { names } from './families/names.js';
import { patch } from './families/patch.js';
import { qos } from './families/qos.js';
import { quantity } from './families/quantity.js';
import { scheduler } from './families/scheduler.js';
import { selectors } from './families/selectors.js';
import { table } from './families/table.js';
import { validation } from './families/validation.js';

/** Every family that has an adapter. To add one: write `families/<family>.ts` and list it here. */
export const families: readonly Family[] = [quantity, selectors, fieldLabels, names, validation, scheduler, deployment, lifecycle, endpointSlice, hpa, patch, apply, qos, cron, table];
