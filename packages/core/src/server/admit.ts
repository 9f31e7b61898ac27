import { errorMessage } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import type { Admitting } from './admission-request.js';
import type { ServerContext } from './resource.js';

/** Runs the mutating steps, in order, and all of them once more if one wants that (the reinvocation of k8s.io/apiserver). */
export async function mutateAdmission(context: ServerContext, request: Admitting): Promise<void> {
  await each(context, request, 'mutate');
  if (!request.wantsAgain) return;
  request.isAgain = true;
  await each(context, request, 'mutate');
}

/** Runs the validating steps, in order. */
export const validateAdmission = (context: ServerContext, request: Admitting): Promise<void> => each(context, request, 'validate');

async function each(context: ServerContext, request: Admitting, step: 'mutate' | 'validate'): Promise<void> {
  for (const admission of context.admissions.items()) {
    if (admission[step] === undefined || admission.handles?.(request) === false) continue;
    try {
      await admission[step](request);
    } catch (error) {
      if (ApiError.is(error)) throw error;
      throw new ApiError('InternalError', `admission step "${admission.name}" failed: ${errorMessage(error)}`, {}, error);
    }
  }
}
