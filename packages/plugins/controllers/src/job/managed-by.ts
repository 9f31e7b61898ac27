import type { Job } from '@orrery/core';

/** The name by which this controller is meant in `spec.managedBy`. */
const OWN_NAME = 'kubernetes.io/job-controller';

/** Whether another controller does the work of a Job; then this one keeps its hands off. */
export const isManagedElsewhere = ({ spec }: Job): boolean => spec.managedBy !== undefined && spec.managedBy !== OWN_NAME;
