/** The version of this package; plugins state the range they work with in `core`. */
export const VERSION = '0.1.0';
