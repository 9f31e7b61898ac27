import type { Job, JobCondition } from '@orrery/core';

// Facts about Jobs that several controllers decide by (pkg/controller/job/util).

/** The condition of a type, when it is True. */
export const trueCondition = ({ status }: Pick<Job, 'status'>, type: string): JobCondition | undefined => status?.conditions?.find((one) => one.type === type && one.status === 'True');

/** The condition by which a Job is over: Complete or Failed. */
export const finishedCondition = (job: Pick<Job, 'status'>): JobCondition | undefined =>
  job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
