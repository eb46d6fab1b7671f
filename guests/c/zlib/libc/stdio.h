/* <stdio.h> is included by headers of which this program uses nothing that needs it. */
