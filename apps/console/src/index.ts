export { buildConsole, type ConsoleOptions } from './app.js';
