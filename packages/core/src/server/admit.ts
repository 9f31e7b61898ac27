import type { AdmissionRequest } from '../contracts/admission.js';
import { errorMessage } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import type { ServerContext } from './resource.js';

/** Runs the mutating steps, in order. */
export const mutateAdmission = (context: ServerContext, request: AdmissionRequest): Promise<void> => each(context, request, 'mutate');

/** Runs the validating steps, in order. */
export const validateAdmission = (context: ServerContext, request: AdmissionRequest): Promise<void> => each(context, request, 'validate');

async function each(context: ServerContext, request: AdmissionRequest, step: 'mutate' | 'validate'): Promise<void> {
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
