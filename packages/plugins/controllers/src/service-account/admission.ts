import { type Admission, ApiError, type Client, type Clock, type Informer, type Pod, ServiceAccount } from '@orrery/core';
import { whenSynced } from '../shared/when-synced.js';
import { DEFAULT_ACCOUNT } from './controller.js';

/** How long a pod waits for the account of a namespace that was just made, milliseconds. */
const WAIT_MS = 2_000;
const MIRROR = 'kubernetes.io/config.mirror';

/** What the admission step works with. */
export interface AccountSources {
  readonly client: Client;
  readonly accounts: Informer<ServiceAccount>;
  readonly clock: Clock;
}

/**
 * Gives pods the account `default` unless they name one, refuses those whose account does not exist, and gives them its image pull secrets
 * (the admission plugin ServiceAccount; tokens are not mounted yet).
 */
export function serviceAccountAdmission(sources: () => AccountSources): Admission {
  const informer = whenSynced(() => sources().accounts);
  return {
    name: 'ServiceAccount',
    handles: ({ operation, kind, ref }) => operation === 'CREATE' && kind.group === '' && kind.plural === 'pods' && ref.subresource === undefined,
    mutate: async ({ object }) => {
      const pod = object as Pod;
      // It runs already, whatever the API server says.
      if (pod.metadata.annotations?.[MIRROR] !== undefined) return;
      if ((pod.spec.serviceAccountName ?? '') === '') pod.spec.serviceAccountName = DEFAULT_ACCOUNT;
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await find(await informer(), sources(), pod.metadata.namespace ?? '', pod.spec.serviceAccountName ?? '');
      if (account === undefined) throw refusal(pod);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined) pod.spec.imagePullSecrets = [...account.imagePullSecrets];
    },
  };
}

/** From the cache, else from the store; the default account of a new namespace is waited for. */
async function find(informer: Informer<ServiceAccount>, { client, clock }: AccountSources, namespace: string, name: string): Promise<ServiceAccount | undefined> {
  const cached = informer.lister.get(`${namespace}/${name}`);
  if (cached !== undefined) return cached;
  const stored = await client.kind(ServiceAccount).find({ namespace, name });
  if (stored !== undefined || name !== DEFAULT_ACCOUNT) return stored;
  return appeared(informer, clock, namespace, name);
}

async function appeared(informer: Informer<ServiceAccount>, clock: Clock, namespace: string, name: string): Promise<ServiceAccount | undefined> {
  let found: (account: ServiceAccount | undefined) => void = () => {};
  const waiting = new Promise<ServiceAccount | undefined>((resolve) => {
    found = resolve;
  });
  const cancel = clock.timer(WAIT_MS, () => found(undefined));
  const unsubscribe = informer.subscribe({ added: (account) => account.metadata.namespace === namespace && account.metadata.name === name && found(account) });
  try {
    return await waiting;
  } finally {
    cancel();
    unsubscribe();
  }
}

function refusal({ metadata, spec }: Pod): ApiError {
  const name = metadata.name ?? metadata.generateName ?? '';
  const why = `error looking up service account ${metadata.namespace}/${spec.serviceAccountName}: serviceaccount ${JSON.stringify(spec.serviceAccountName)} not found`;
  return new ApiError('Forbidden', `pods ${JSON.stringify(name)} is forbidden: ${why}`, { name, kind: 'pods' });
}
