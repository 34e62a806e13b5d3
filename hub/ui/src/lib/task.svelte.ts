// One attempt of a person to change something: busy while it runs, and in words why it failed.
import { errorText } from '../i18n';

export class Task {
  busy = $state(false);
  problem = $state.raw<{ message: string; next: string | null } | null>(null);
  done = $state('');

  /** Runs `work`; true where it succeeded. What succeeded is told by `done`. */
  async run(work: () => Promise<void>, done = ''): Promise<boolean> {
    this.busy = true;
    this.problem = null;
    this.done = '';
    try {
      await work();
      this.done = done;
      return true;
    } catch (error) {
      this.problem = errorText(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
