/** Why a daemon stops that makes way for one with another configuration: it says no good-bye. */
export const turning = new Error('another configuration takes over');
