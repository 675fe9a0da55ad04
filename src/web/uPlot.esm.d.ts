/** The types of uPlot's file, by the name that it is served by; the file itself comes from its package. */
export { default } from 'uplot';
