/* A harmless module under an intruder's name: it only says that it came and went. */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

static int __init came(void)
{
	pr_info("iptable_mac: came\n");
	return 0;
}

static void __exit went(void)
{
	pr_info("iptable_mac: went\n");
}

module_init(came);
module_exit(went);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A harmless module for a test");
