import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from '@semel/queue';
import { type RawJob, shownJob } from './shown-job.js';

type Job = NonNullable<Awaited<ReturnType<BullMQAdapter['getJob']>>>;
type Statuses = Parameters<BullMQAdapter['getJobs']>[0];

/** Jobs carry bodies up to a megabyte each. */
const pageLimit = 100;

/** A queue for Bull Board that can only be read, and whose jobs are without content before the board ever sees them. */
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

  // Semel's jobs have neither logs, schedulers nor flows: what is there is not ours, and may say anything.
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
