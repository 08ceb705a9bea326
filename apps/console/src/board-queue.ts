import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from '@semel/queue';
import { type RawJob, shownJob } from './shown-job.js';

type Job = NonNullable<Awaited<ReturnType<BullMQAdapter['getJob']>>>;
type Statuses = Parameters<BullMQAdapter['getJobs']>[0];

/** Limits the memory of one page: a job carries a body of up to a megabyte. */
const pageLimit = 100;

/** A read-only queue for Bull Board; it removes the content of jobs before the board sees them. */
export class BoardQueue extends BullMQAdapter {
  constructor(queue: Queue) {
    super(queue, { readOnlyMode: true, allowRetries: false });
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id);
    return job && withoutContent(job);
  }

  override async getJobs(statuses: Statuses, start = 0, end = start + pageLimit - 1): Promise<Job[]> {
    const jobs = await super.getJobs(statuses, start, Math.min(end, start + pageLimit - 1));
    return jobs.map(withoutContent);
  }

  // Semel's jobs have no logs, schedulers or flows. Whatever Redis holds of these is not Semel's and may contain anything.
  override async getJobLogs() {
    return [];
  }
  override async getJobSchedulers() {
    return [];
  }
  override async getJobSchedulersCount() {
    return 0;
  }
  override async getFlowProducer() {
    return null;
  }
}

function withoutContent(job: Job): Job {
  const shown = shownJob(job.toJSON() as RawJob);
  return Object.assign(job, { toJSON: () => shown });
}
